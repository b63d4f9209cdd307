"""Documents against their schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from aegisgen.errors import Finding, InputError, Problem, Severity
from aegisgen.kube.resource import Resource, identify, value_at
from aegisgen.kube.schemas import Violation
from aegisgen.record import Record, replace
from aegisgen.rules.ignores import Ignore
from aegisgen.rules.manifests import IN_PLAIN_TEXT, NO_SCHEMA, NOT_AN_OBJECT, NOT_VALID, NOT_YAML
from aegisgen.yaml.source import Document, Parser, manifests

Path = tuple[str | int, ...]

# Those that have a domain too, of the kinds that are bundled and a few more.
_BUILT_IN = frozenset(
    f"{name}.k8s.io"
    for name in ("networking", "rbac.authorization", "storage", "scheduling", "admissionregistration", "apiextensions")
)
_OWN_GROUP = "aegisgen.dev/"


class Piece(Record):
    """One object to check: a document, or an item of a List in it."""

    document: Document
    path: Path
    patch: bool

    @property
    def data(self) -> object:
        """The object itself."""
        return value_at(self.document.data, self.path) if self.path else self.document.data

    def object(self) -> Resource | str:
        """Return the object with its identity, or the reason why it is none; its document is the whole one."""
        if not self.path:
            return identify(self.document)
        found = identify(Document(self.document.source, self.document.line, "", self.data))
        return replace(found, document=self.document) if isinstance(found, Resource) else found


def read_documents(raw: bytes, source: str, parser: Parser = manifests) -> Iterator[Document | Finding]:
    """Yield a file's documents, and a finding for each part of it that is not YAML."""
    for part in parser(raw, source):
        yield not_yaml(part) if isinstance(part, Problem) else part


def not_yaml(problem: Problem) -> Finding:
    """Turn a reader's problem into a finding."""
    return Finding(problem.path, problem.line, problem.column, NOT_YAML, Severity.ERROR, problem.message)


def pieces(document: Document, *, patch: bool) -> Iterator[Piece]:
    """Yield what a document holds: itself, or the items of a List (`kubectl get -o yaml` prints one)."""
    data = document.data
    items = data.get("items") if isinstance(data, dict) and data.get("kind") == "List" else None
    if isinstance(items, list):
        yield from (Piece(document, ("items", index), patch) for index in range(len(items)))
    elif data is not None:
        yield Piece(document, (), patch)


class Verdict(Record):
    """What was found, and what the files and objects say is to be ignored."""

    findings: list[Finding]
    ignores: list[Ignore]

    def add(self, other: Verdict) -> None:
        """Take over what another one has."""
        self.findings.extend(other.findings)
        self.ignores.extend(other.ignores)


class Flaw(Record):
    """Something wrong at a path of a piece, before it is told where that was written."""

    piece: Piece
    path: Path
    rule: str
    severity: Severity
    message: str
    resource: str = ""

    def at(self, document: Document, path: Path) -> Finding:
        """Return the finding for where it was written."""
        line, column = document.position(path, key=bool(path) and isinstance(path[-1], str))
        field = ".".join(map(str, self.path))
        message = f"{field}: {self.message}" if field else self.message
        return Finding(document.source, line, column, self.rule, self.severity, message, self.resource)

    def here(self) -> Finding:
        """Return the finding for the document that was checked."""
        return self.at(self.piece.document, (*self.piece.path, *self.path))


class Checker(Record):
    """How pieces are checked."""

    version: str
    strict: bool
    kubeconform: bool

    def check(self, found: Sequence[Piece]) -> Iterator[Flaw]:
        """Yield what is wrong with each piece."""
        by_kubeconform = self._kubeconform(found) if self.kubeconform else {}
        for index, piece in enumerate(found):
            if piece.patch and isinstance(piece.data, list):
                yield from _operations(piece)
                continue
            resource = piece.object()
            if not isinstance(resource, Resource):
                yield Flaw(piece, (), NOT_AN_OBJECT, Severity.ERROR, resource)
                continue
            known = by_kubeconform[index] if index in by_kubeconform else self._violations(piece, resource)
            if known is None:
                yield self._unknown(piece, resource)
            for violation in known or ():
                name = str(resource.identity)
                yield Flaw(piece, violation.path, NOT_VALID, Severity.ERROR, violation.message, name)

    def _unknown(self, piece: Piece, resource: Resource) -> Flaw:
        """Tell a custom resource from a mistake: Kubernetes' own groups are all known."""
        from aegisgen.kube.schemas import api_versions  # noqa: PLC0415

        kind, api_version = resource.identity.kind, resource.identity.api_version
        right = api_versions(kind, self.version) if is_built_in(resource.identity.group) else ()
        if right:
            message = f"Kubernetes {self.version} has no {kind} of {api_version}, but of {' and '.join(right)}"
            return Flaw(piece, ("apiVersion",), NO_SCHEMA, Severity.ERROR, message, str(resource.identity))
        severity = Severity.ERROR if self.strict else Severity.WARNING
        message = f"no schema for {kind} of {api_version}; it was not checked"
        return Flaw(piece, (), NO_SCHEMA, severity, message, str(resource.identity))

    def _violations(self, piece: Piece, resource: Resource) -> list[Violation] | None:
        from aegisgen.kube.schemas import violations  # noqa: PLC0415 - rendering alone needs no schemas

        readable = piece.document.readable
        return violations(resource.data, version=self.version, patch=piece.patch, readable=readable)

    def _kubeconform(self, found: Sequence[Piece]) -> dict[int, list[Violation] | None]:
        """Ask kubeconform about all whole objects at once; it knows no patches and no kustomizations."""
        from aegisgen.kube.kubeconform import run  # noqa: PLC0415

        asked = [
            (index, Document(piece.document.source, piece.document.line, "", piece.data))
            for index, piece in enumerate(found)
            if not piece.patch and isinstance(piece.object(), Resource)
        ]
        verdicts = run([document for _, document in asked], version=self.version)
        return {index: verdict for (index, _), verdict in zip(asked, verdicts, strict=True)}


def is_built_in(group: str) -> bool:
    """Tell whether an API group is one of Kubernetes' own: custom ones have a domain (API conventions)."""
    return "." not in group or group in _BUILT_IN


def kustomization_flaws(document: Document) -> Iterator[Flaw]:
    """Yield what is wrong with a kustomization file, which need not name its kind."""
    from aegisgen.kube.schemas import kustomization_violations  # noqa: PLC0415

    piece = Piece(document, (), patch=False)
    data = document.data
    if isinstance(data, dict):
        for violation in kustomization_violations(data):
            yield Flaw(piece, violation.path, NOT_VALID, Severity.ERROR, violation.message, "Kustomization")
    elif data is not None:
        yield Flaw(piece, (), NOT_AN_OBJECT, Severity.ERROR, "not a kustomization: expected a mapping")


def is_own(document: Document) -> bool:
    """Tell whether a document is a project file or a profile that lies among the manifests."""
    version = value_at(document.data, ("apiVersion",))
    return isinstance(version, str) and version.startswith(_OWN_GROUP)


def own_findings(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with a project file or profile."""
    from aegisgen.profile.model import Profile, Project, Services  # noqa: PLC0415
    from aegisgen.profile.plainsecrets import IN_GIT  # noqa: PLC0415
    from aegisgen.profile.reading import convert  # noqa: PLC0415

    models: Mapping[str, Callable[[], object]] = {
        "Project": lambda: convert(document, Project),
        "Services": lambda: convert(document, Services),
        "EnvironmentProfile": lambda: convert(document, Profile),
    }
    kind = value_at(document.data, ("kind",))
    known = models.get(kind) if isinstance(kind, str) else None
    if known is None:
        message = f"expected {' or '.join(models)}"
        yield Flaw(Piece(document, (), patch=False), ("kind",), NOT_VALID, Severity.ERROR, message).here()
        return
    try:
        known()
    except InputError as error:
        for problem in error.problems:
            rule = IN_PLAIN_TEXT if problem.message == IN_GIT else NOT_VALID
            message = f"{problem.field}: {problem.message}" if problem.field else problem.message
            yield Finding(problem.path, problem.line, problem.column, rule, Severity.ERROR, message)


def _operations(piece: Piece) -> Iterator[Flaw]:
    items = piece.data if isinstance(piece.data, list) else []
    known = ("add", "remove", "replace", "move", "copy", "test")
    for index, operation in enumerate(items):
        if value_at(operation, ("op",)) not in known:
            message = f"not a JSON 6902 operation, expected {' or '.join(known)}"
            yield Flaw(piece, (index, "op"), NOT_VALID, Severity.ERROR, message)
        if not isinstance(value_at(operation, ("path",)), str):
            yield Flaw(piece, (index, "path"), NOT_VALID, Severity.ERROR, "missing or not a string")
