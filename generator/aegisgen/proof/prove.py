"""Everything that can be found out about a set of files and overlays, in one go."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from aegisgen import files
from aegisgen.errors import Finding, InputError, Problem, ToolError
from aegisgen.kube.cache import Cache
from aegisgen.kube.compose import MISSING, composer
from aegisgen.profile.sources import ProjectSource, display
from aegisgen.profile.stated import Stated
from aegisgen.proof.crew import Crew
from aegisgen.proof.inputs import sources
from aegisgen.proof.judge import project_ignores, settings_of
from aegisgen.proof.manifests import Checker
from aegisgen.proof.tasks import Means
from aegisgen.proof.whole import prove_all
from aegisgen.record import Record, replace
from aegisgen.rules.baseline import read_baseline
from aegisgen.rules.context import Settings
from aegisgen.rules.ignores import settle

# A hundred thousand findings.
_MAX_BASELINE_BYTES = 50_000_000


class Method(Record):
    """How things are proved."""

    version: str
    engine: str = "aegisgen"
    compose: bool = True
    strict: bool = False
    require_tools: bool = False
    baseline: bool = True
    """Whether findings that the project's baseline knows are left out."""
    jobs: int = 0
    """How many processes work; 0: one a core."""
    cache: bool = True
    """Whether what was found out before is believed, and what is found out now is kept."""


class Proof(Record):
    """What was found."""

    findings: tuple[Finding, ...]
    files: int
    skipped: tuple[str, ...]


def prove(
    paths: Sequence[str],
    roots: Mapping[Path, Stated | None],
    method: Method,
    project: ProjectSource | None = None,
    *,
    drift: Iterable[Finding] = (),
    crew: Crew | None = None,
) -> Proof:
    """Check files and Kustomize directories, these with what profiles state of them.

    `project` says what to ignore. `drift` is what else was found, and is asked for last. `crew` does the work, where
    there is one already.

    Raises UsageError for a path that does not exist, ToolError where `require_tools` is set and a tool is missing,
    InputError for a broken baseline, and CrewError where a process dies that has a part in the work.
    """
    with _no_garbage(), nullcontext(crew) if crew else Crew(method.jobs) as workers:
        settings = settings_of(project, method.version)
        means = Means(
            Checker(method.version, method.strict, method.engine == "kubeconform"),
            settings,
            method.compose,
            _cache(method),
            builds=method.jobs or os.cpu_count() or 1,
        )
        named = list(sources(paths))
        skipped: list[str] = []
        try:
            if method.compose and composer() is None:
                raise ToolError(MISSING)
            verdict, refusals = prove_all(named, roots, means, workers)
        except ToolError as error:
            if method.require_tools:
                raise
            skipped.append(f"composition: {error}")
            verdict, refusals = prove_all(named, roots, replace(means, compose=False), workers)
        weighed = {kept for finding in (*verdict.findings, *drift) if (kept := _weighed(finding, settings))}
        ignores = [*project_ignores(project), *verdict.ignores]
        baseline = _baseline(project) if method.baseline else []
        left = settle(weighed, ignores, baseline=baseline, severities=settings.severities)
        twice = {finding for refusal in refusals for finding in refusal.said_by_a_rule(left)}
        return Proof(tuple(finding for finding in left if finding not in twice), len(named), tuple(skipped))


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Look for no garbage: none of what is read is any before the end, and looking takes a fifth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _cache(method: Method) -> Cache | None:
    if not (method.cache and method.compose):
        return None
    from aegisgen.kube.cache import answers  # noqa: PLC0415

    return answers()


def _weighed(finding: Finding, settings: Settings) -> Finding | None:
    severity = settings.severities.get(finding.rule, finding.severity)
    return None if severity is None else replace(finding, severity=severity)


def _baseline(project: ProjectSource | None) -> list[str]:
    if project is None or not project.value.rules.baseline:
        return []
    file = project.root / project.value.rules.baseline
    try:
        content = files.read(file, _MAX_BASELINE_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError, files.UnsafeFileError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InputError(Problem(display(file), 0, 0, "", f"the baseline cannot be read: {reason}")) from None
    return read_baseline(content, display(file))


def relative(root: Path) -> Path:
    """Return a directory as the user knows it, for the paths in findings."""
    return Path(display(root))
