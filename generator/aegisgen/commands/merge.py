"""`aegisgen merge`: the JSON reports of all shards of a check become the one report of the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aegisgen import files
from aegisgen.commands.report import report
from aegisgen.errors import Finding, InputError, Problem, UsageError
from aegisgen.project.fleet.part import Shard
from aegisgen.project.fleet.part import shard as shard_of
from aegisgen.proof.prove import Proof

_MAX_BYTES = 200_000_000
# Where the diff of a file begins: of lines within, the third would begin with a space, + or -.
_FILE = re.compile(r"^(?=--- [^\n]*\n\+\+\+ [^\n]*\n@@ )", re.MULTILINE)


class _Summary(msgspec.Struct, frozen=True):
    checked: int


class _Part(msgspec.Struct, frozen=True):
    findings: list[Finding]
    summary: _Summary
    skipped: list[str]
    diff: str
    shard: str
    unsettled: list[Finding]


def main(reports: Sequence[Path], *, output: str) -> int:
    """Print the merged report in a format and return its exit code.

    Raises InputError for a file that is no shard's report, UsageError where they are not all shards of one whole.
    """
    parts = {file: _read(file) for file in reports}
    files.admit(Path.cwd())  # the lines that findings point at
    _refuse_gaps(parts)
    ordered = [part for _, part in sorted(parts.items(), key=lambda item: shard_of(item[1].shard))]
    # What every shard says that nothing here breaks, nothing anywhere breaks.
    settled = set.intersection(*(set(part.unsettled) for part in ordered))
    proof = Proof(
        findings=tuple(sorted({finding for part in ordered for finding in part.findings} | settled)),
        files=sum(part.summary.checked for part in ordered),
        skipped=tuple(dict.fromkeys(text for part in ordered for text in part.skipped)),
    )
    return report(proof, output, diff=_diff([part.diff for part in ordered]))


def _read(file: Path) -> _Part:
    try:
        files.admit(file)
        return msgspec.json.decode(files.read(file, _MAX_BYTES), type=_Part)
    except files.UnsafeFileError as error:
        raise InputError(Problem(file.as_posix(), 0, 0, "", error.reason)) from None
    except OSError as error:
        raise InputError(Problem(file.as_posix(), 0, 0, "", f"cannot be read: {error.strerror or error}")) from None
    except msgspec.MsgspecError as error:
        message = (
            f"not the report of a shard, expected what 'aegisgen check --shard I/N --format json' prints ({error})"
        )
        raise InputError(Problem(file.as_posix(), 0, 0, "", message)) from None


def _refuse_gaps(parts: dict[Path, _Part]) -> None:
    found: dict[Shard, Path] = {}
    for file, part in parts.items():
        shard = shard_of(part.shard)
        if shard in found:
            raise UsageError(f"{found[shard]} and {file} are both shard {shard}")
        found[shard] = file
    totals = sorted({shard.total for shard in found})
    if len(totals) > 1:
        raise UsageError(f"these are shards of {' and of '.join(map(str, totals))}, expected those of one whole")
    missing = [str(shard) for number in range(1, totals[0] + 1) if (shard := Shard(number, totals[0])) not in found]
    if missing:
        raise UsageError(f"missing: shard {', '.join(missing)}; what it would have found is not known")


def _diff(diffs: Sequence[str]) -> str:
    """Put the files of several diffs into one order; what is said without showing it comes last."""
    files: list[str] = []
    rest: list[str] = []
    for diff in diffs:
        head, *shown = _FILE.split(diff)
        if shown:
            shown[-1], hidden = _cut(shown[-1])
            files += shown
            rest += hidden
        else:
            rest += head.splitlines(keepends=True)
    return "".join(sorted(files, key=_path) + sorted(rest))


def _cut(last: str) -> tuple[str, list[str]]:
    """Part the last file's diff from the lines that follow it."""
    lines = last.splitlines(keepends=True)
    end = next((at for at, line in enumerate(lines) if at > 1 and line[0] not in " +-@\\"), len(lines))
    return "".join(lines[:end]), lines[end:]


def _path(diff: str) -> str:
    old, new = (line[4:].partition("\t")[0] for line in diff.split("\n", 2)[:2])
    return (old if new == "/dev/null" else new)[2:]
