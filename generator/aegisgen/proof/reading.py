"""Files in; what is wrong with each of them by itself, and what they hold, out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from aegisgen.errors import Finding, Severity
from aegisgen.kube.kustomization import composed_files
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.proof.inputs import Input, Kustomizations, Source, read
from aegisgen.proof.manifests import (
    Checker,
    Piece,
    Verdict,
    is_own,
    kustomization_flaws,
    own_findings,
    pieces,
    read_documents,
)
from aegisgen.record import replace
from aegisgen.rules.ignores import commented
from aegisgen.rules.manifests import NOT_YAML
from aegisgen.rules.references import POD_KINDS
from aegisgen.yaml.scalars import Dialect
from aegisgen.yaml.source import Document, Parser, documents, manifests

# In double quotes a word may be written without any of its letters, or across lines.
_HIDDEN = re.compile(rb"""kind["']?[ \t]*:[ \t]*(?:[&!][^ \t\n]*[ \t]+)*"[^"\n]*\\""")


class Files:
    """Reads files, one after the other; what a schema engine takes is checked when all have been read."""

    def __init__(self, parser: Parser | None = None) -> None:
        """`parser` reads all files, as Kustomize composes them; without one, each is read as who takes it does."""
        self._parser, self._composing = parser or manifests, parser or composed_files
        self._verdict = Verdict([], [])
        self._pieces: list[Piece] = []
        self._kustomizations = Kustomizations(self._parser)

    def take(self, item: Input) -> None:
        """Read what is in a file."""
        verdict = self._verdict
        if item.raw is None:
            verdict.findings.append(Finding(item.path, 0, 0, NOT_YAML, Severity.ERROR, item.trouble))
            return
        if b"aegisgen:" in item.raw:
            verdict.ignores.extend(commented(item.path, item.raw.decode(errors="replace")))
        if posixpath.basename(item.path) in KUSTOMIZATION_NAMES:
            for document in self._documents(item, self._parser):
                verdict.findings.extend(flaw.here() for flaw in kustomization_flaws(document))
            return
        patch = self._kustomizations.is_patch(item.path)
        composed = patch or self._kustomizations.is_resource(item.path)
        for document in self._documents(item, self._composing if composed else self._parser):
            if is_own(document):
                parts = documents(item.raw, item.path)
                own = next(part for part in parts if isinstance(part, Document) and part.line == document.line)
                verdict.findings.extend(own_findings(own))
            else:
                self._pieces.extend(pieces(document, patch=patch))

    def checked(self, checker: Checker) -> Verdict:
        """Return what is wrong with all that was read, and what its comments ignore."""
        self._verdict.findings.extend(flaw.here() for flaw in checker.check(self._pieces))
        return self._verdict

    def manifests(self) -> list[Resource]:
        """Return the objects that were read; a patch is none."""
        found = (piece.object() for piece in self._pieces if not piece.patch)
        return [each for each in found if isinstance(each, Resource)]

    def _documents(self, item: Input, parser: Parser) -> Iterator[Document]:
        for document in read_documents(item.raw or b"", item.path, parser):
            if isinstance(document, Finding):
                self._verdict.findings.append(document)
            else:
                yield document


def applications_in(sources: Sequence[Source]) -> list[Resource]:
    """Return the Applications in some files, without reading those in which there can be none."""
    files = Files()
    for item in map(read, sources):
        if item.raw and (b"Application" in item.raw or _HIDDEN.search(item.raw)):
            files.take(item)
    return [distant(each) for each in files.manifests() if each.identity.kind == "Application"]


# What the rules that look at several objects look into; of others it is enough that they are there, and when.
_LOOKED_INTO = POD_KINDS | frozenset(
    (
        *("ConfigMap", "ServiceAccount", "ExternalSecret", "SealedSecret"),
        *("HorizontalPodAutoscaler", "ScaledObject", "Application"),
    )
)


class DistantDocument(Document):
    """A document without its text, which is most of its weight; its file is read again where somebody asks for a place.

    Reads the file system.
    """

    __slots__ = ("_whole",)

    def __init__(self, source: str, line: int, text: str, data: object, dialect: Dialect) -> None:
        super().__init__(source, line, text, data, dialect)
        self._whole: Document | None = None

    def __reduce__(self) -> tuple[type[Document], tuple[str, int, str, object, Dialect]]:
        return DistantDocument, (self.source, self.line, "", self.data, self.dialect)

    def position(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Return line and column as a document does that has its text."""
        if self._whole is None:
            raw = read(Source(self.source)).raw or b""
            parts = (part for part in documents(raw, self.source, self.dialect) if isinstance(part, Document))
            self._whole = next(
                (part for part in parts if part.line == self.line), Document(self.source, self.line, "", None)
            )
        return self._whole.position(path, key=key)


def distant(resource: Resource) -> Resource:
    """Return what the rules that look at several objects need of a resource that was read from a file."""
    document = resource.document
    bare: dict[str, object] = {"metadata": {"annotations": resource.annotations}}
    data, whole = (resource.data, document.data) if resource.identity.kind in _LOOKED_INTO else (bare, bare)
    without_text = DistantDocument(document.source, document.line, "", whole, document.dialect)
    return replace(resource, data=data, document=without_text)
