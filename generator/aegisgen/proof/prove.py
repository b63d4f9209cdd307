"""Everything that can be found out about a set of files and overlays, in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.errors import InputError, Problem, ToolError
from aegisgen.findings import Finding, Severity
from aegisgen.kube.compose import KUSTOMIZATION_NAMES
from aegisgen.profile.load import display
from aegisgen.proof import overlays
from aegisgen.proof.inputs import Kustomizations, inputs
from aegisgen.proof.judge import judge, project_ignores, settings_of
from aegisgen.proof.manifests import (
    NOT_YAML,
    Checker,
    Piece,
    is_own,
    kustomization_flaws,
    own_findings,
    pieces,
    read_documents,
)
from aegisgen.rules.baseline import read_baseline
from aegisgen.rules.ignores import commented, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aegisgen.profile.load import ProjectSource
    from aegisgen.proof.inputs import Input
    from aegisgen.rules.ignores import Ignore


class Method(NamedTuple):
    """How things are proved."""

    version: str
    """The Kubernetes version whose schemas count."""
    engine: str = "aegisgen"
    compose: bool = True
    strict: bool = False
    require_tools: bool = False


class Proof(NamedTuple):
    """What was found."""

    findings: tuple[Finding, ...]
    files: int
    skipped: tuple[str, ...]


def prove(
    paths: Sequence[str],
    roots: Sequence[Path],
    method: Method,
    project: ProjectSource | None = None,
    drift: Sequence[Finding] = (),
) -> Proof:
    """Check files and Kustomize directories; `project` says what to ignore, `drift` is what else was found.

    Raises UsageError for a path that does not exist, ToolError where `require_tools` is set and a tool is missing, and
    InputError for a broken baseline.
    """
    checker = Checker(method.version, method.strict, method.engine == "kubeconform")
    reading = _Reading([*drift])
    for item in inputs(paths):
        reading.take(item)
    found = reading.found + [flaw.here() for flaw in checker.check(reading.batch)]
    skipped: list[str] = []
    try:
        built = overlays.build(roots, composed=method.compose)
    except ToolError as error:
        if method.require_tools:
            raise
        skipped.append(f"composition: {error}")
        built = overlays.build(roots, composed=False)
    known = {finding[:4] for finding in found}
    for each in built:
        # what is wrong in a file is wrong again in everything composed from it
        found += [finding for finding in overlays.findings(each, checker) if finding[:4] not in known]
    settings = settings_of(project, method.version)
    verdict = judge(built, reading.batch, settings)
    ignores = [*project_ignores(project), *reading.ignores, *verdict.ignores]
    left = settle({*found, *verdict.findings}, ignores, baseline=_baseline(project), severities=settings.severities)
    return Proof(tuple(left), reading.files, tuple(skipped))


class _Reading:
    """The files as they come: what is special is checked at once, what a schema engine takes is collected."""

    def __init__(self, found: list[Finding]) -> None:
        self.found = found
        self.batch: list[Piece] = []
        self.ignores: list[Ignore] = []
        self.files = 0
        self._kustomizations = Kustomizations()

    def take(self, item: Input) -> None:
        """Read one file."""
        self.files += 1
        if item.raw is None:
            self.found.append(Finding(item.path, 0, 0, NOT_YAML, Severity.ERROR, item.trouble))
            return
        if b"aegisgen:" in item.raw:
            self.ignores += commented(item.path, item.raw.decode(errors="replace"))
        kustomization = Path(item.path).name in KUSTOMIZATION_NAMES
        for document in read_documents(item.raw, item.path):
            if isinstance(document, Finding):
                self.found.append(document)
            elif kustomization:
                self.found += [flaw.here() for flaw in kustomization_flaws(document)]
            elif is_own(document):
                self.found += own_findings(document)
            else:
                self.batch += pieces(document, patch=self._kustomizations.is_patch(item.path))


def _baseline(project: ProjectSource | None) -> list[str]:
    if project is None or not project.value.rules.baseline:
        return []
    file = project.root / project.value.rules.baseline
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(display(file), 0, 0, "", f"the baseline cannot be read: {error}")) from None
    return read_baseline(content, display(file))


def relative(root: Path) -> Path:
    """Return a directory as the user knows it, for the paths in findings."""
    return Path(display(root))
