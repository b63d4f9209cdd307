"""Everything that can be found out about a set of files and overlays, in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.errors import ToolError
from aegisgen.findings import Finding, Severity
from aegisgen.kube.compose import KUSTOMIZATION_NAMES
from aegisgen.profile.load import display
from aegisgen.proof import overlays
from aegisgen.proof.inputs import inputs, is_patch
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aegisgen.proof.inputs import Input


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


def prove(paths: Sequence[str], roots: Sequence[Path], method: Method) -> Proof:
    """Check files and Kustomize directories.

    Raises UsageError for a path that does not exist, and ToolError where `require_tools` is set and a tool is missing.
    """
    checker = Checker(method.version, method.strict, method.engine == "kubeconform")
    found: list[Finding] = []
    batch: list[Piece] = []
    files = 0
    for item in inputs(paths):
        files += 1
        _sort(item, found, batch)
    found += [flaw.here() for flaw in checker.check(batch)]
    skipped: list[str] = []
    try:
        built = overlays.build(roots, composed=method.compose)
    except ToolError as error:
        if method.require_tools:
            raise
        skipped.append(f"composition skipped: {error}")
        built = overlays.build(roots, composed=False)
    for each in built:
        found += overlays.findings(each, checker)
    return Proof(tuple(sorted(set(found))), files, tuple(skipped))


def _sort(item: Input, found: list[Finding], batch: list[Piece]) -> None:
    """Check at once what is special, and collect what a schema engine takes in bulk."""
    if item.raw is None:
        found.append(Finding(item.path, 0, 0, NOT_YAML, Severity.ERROR, item.trouble))
        return
    kustomization = Path(item.path).name in KUSTOMIZATION_NAMES
    for document in read_documents(item.raw, item.path):
        if isinstance(document, Finding):
            found.append(document)
        elif kustomization:
            found += [flaw.here() for flaw in kustomization_flaws(document)]
        elif is_own(document):
            found += own_findings(document)
        else:
            batch += pieces(document, patch=is_patch(item.path))


def relative(root: Path) -> Path:
    """Return a directory as the user knows it, for the paths in findings."""
    return Path(display(root))
