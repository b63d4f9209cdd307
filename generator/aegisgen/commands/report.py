"""The last step of every command that finds something: print it, and say how the command ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from aegisgen import __version__, files
from aegisgen.errors import Finding, Severity
from aegisgen.output.numbers import counted
from aegisgen.output.streams import unescaped
from aegisgen.profile.sources import display
from aegisgen.proof.prove import Proof
from aegisgen.report import FORMATS
from aegisgen.report.model import Report, RuleInfo

# An excerpt of a larger file helps nobody.
_MAX_SOURCE_BYTES = 5_000_000


def keep_as_baseline(proof: Proof, file: Path) -> int:
    """Write what was found, drift excepted, to a baseline file, and return the exit code."""
    from aegisgen.rules.baseline import write_baseline  # noqa: PLC0415
    from aegisgen.rules.drift import RULES  # noqa: PLC0415

    drift = {rule.id for rule in RULES}
    findings = [finding for finding in proof.findings if finding.rule not in drift]
    files.admit(file)
    Path(files.locate(file)).write_text(write_baseline(findings), encoding="utf-8")
    sys.stderr.write(f"{counted(len(findings), 'finding')} written to {display(file)}\n")
    return 0


def report(proof: Proof, form: str, *, diff: str = "", shard: str = "", unsettled: Iterable[Finding] = ()) -> int:
    """Print a proof and return the exit code: 1 where it holds an error, else 0.

    Text has colour on a terminal, unless NO_COLOR says otherwise. `shard` and `unsettled` are what a part of a whole
    says of itself; see `report.model`.
    """
    findings = tuple(sorted(set(proof.findings)))
    text = FORMATS[form](
        Report(
            findings=findings,
            checked=proof.files,
            skipped=proof.skipped,
            sources=_sources(findings),
            diff=diff,
            rules=_rules(findings) if form == "sarif" else {},
            version=__version__,
            color=form == "text" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
            withheld=frozenset((finding.path, finding.line) for finding in findings if _about_a_secret(finding)),
            shard=shard,
            unsettled=tuple(sorted(set(unsettled))),
        )
    )
    # This one format is made of commands to a CI system, and has escaped everything else.
    (unescaped(sys.stdout) if form == "github" else sys.stdout).write(text)
    return 1 if any(finding.severity is Severity.ERROR for finding in findings) else 0


def _rules(findings: Iterable[Finding]) -> dict[str, RuleInfo]:
    """Return what is known of the rules that were broken; their texts are worth importing for one format only."""
    from aegisgen.rules.table import RULES  # noqa: PLC0415

    broken = sorted({finding.rule for finding in findings} & set(RULES))
    return {
        rule.id: RuleInfo(rule.id, rule.title, rule.severity, rule.text.explanation, rule.text.source)
        for rule in (RULES[identifier] for identifier in broken)
    }


def _about_a_secret(finding: Finding) -> bool:
    """Tell whether the line that a finding points at holds a secret: reports are logged, sent around and kept."""
    from aegisgen.rules.table import RULES  # noqa: PLC0415 -- who finds nothing does not ask

    rule = RULES.get(finding.rule)
    return finding.resource.startswith("Secret/") or (rule is not None and "secrets" in rule.tags)


def _sources(findings: Iterable[Finding]) -> dict[str, str]:
    sources = {}
    for path in {finding.path for finding in findings if finding.line}:
        with suppress(OSError, ValueError, files.UnsafeFileError):
            sources[path] = files.read(path, _MAX_SOURCE_BYTES).decode("utf-8-sig", errors="replace")
    return sources
