"""`aegisgen validate`: any manifests and overlays against the schemas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aegisgen.commands.report import keep_as_baseline, report
from aegisgen.errors import UsageError
from aegisgen.kube.schemas import DEFAULT_VERSION, VERSIONS
from aegisgen.profile.load import find_project, load_project
from aegisgen.profile.sources import ProjectSource
from aegisgen.proof.inputs import Kustomizations
from aegisgen.proof.prove import Method, prove


def main(
    *,
    paths: Sequence[str] | None,
    kubernetes_version: str | None,
    strict: bool,
    output: str,
    engine: str,
    compose: bool,
    require_tools: bool,
    jobs: int,
    cache: bool,
    write_baseline: Path | None,
) -> int:
    """Check the paths and return the exit code; with `write_baseline` what is found becomes a baseline in that file."""
    project = governing_project()
    version = known_version(kubernetes_version, project)
    named = paths or ["."]
    method = Method(
        version, engine, compose, strict, require_tools, baseline=write_baseline is None, jobs=jobs, cache=cache
    )
    proof = prove(named, dict.fromkeys(Kustomizations().roots(named)), method, project)
    return report(proof, output) if write_baseline is None else keep_as_baseline(proof, write_baseline)


def governing_project() -> ProjectSource | None:
    """Return the project of the working directory, None where there is none. Raises InputError for a broken one."""
    try:
        return load_project(find_project(Path.cwd()))
    except UsageError:
        return None


def known_version(asked: str | None, project: ProjectSource | None) -> str:
    """Return the version asked for, else the project's, else the default. Raises UsageError for an unknown one."""
    if asked is None:
        return project.value.kubernetes_version if project else DEFAULT_VERSION
    if asked not in VERSIONS:
        raise UsageError(f"no schemas for Kubernetes {asked}; there are {', '.join(VERSIONS)}")
    return asked
