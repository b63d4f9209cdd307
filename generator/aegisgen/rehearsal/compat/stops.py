"""What of a rehearsal's findings a gate (`--fail-on`) names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aegisgen.output.numbers import duration
from aegisgen.rehearsal.compat.files import Table
from aegisgen.rehearsal.compat.gates import Gate
from aegisgen.rehearsal.outcome import MigrationRun, Rehearsal
from aegisgen.rehearsal.show.wording import BLOCKS, strongest


def stopped_by(gates: Sequence[Gate], rehearsal: Rehearsal, tables: Sequence[Table]) -> Iterator[str]:
    """Yield a line for each finding, beginning with its gate's text; `tables` are production's."""
    rows = {table.name if table.schema == "public" else f"{table.schema}.{table.name}": table.rows for table in tables}
    # Each migration runs in many scenarios.
    every = [run for scenario in rehearsal.scenarios for run in scenario.migrations if not run.added]
    # On empty tables it locks as well, but not for long.
    runs = {run.file: run for run in sorted(every, key=lambda run: sum(lock.seconds for lock in run.locks))}
    for gate in gates:
        for what in dict.fromkeys(_findings(gate, rehearsal, list(runs.values()), rows)):
            yield f"{gate.text}: {what}"


def _findings(gate: Gate, rehearsal: Rehearsal, runs: Iterable[MigrationRun], rows: dict[str, int]) -> Iterator[str]:
    compatibility = rehearsal.compatibility
    if gate.kind == "breaking" and compatibility:
        # A gate that cannot look must not look open.
        yield from [compatibility.note] if compatibility.unknown else compatibility.breaking
    for run in runs:
        if gate.kind == "rewrite":
            yield from (f"{run.file} writes every row of {table} anew" for table in run.rewritten)
        if gate.kind == "squawk":
            yield from (f"{run.file}: {advice.message}" for advice in run.advice if advice.rule == gate.rule)
        if gate.kind == "lock":
            for lock in strongest(run):
                blocks = lock.mode in BLOCKS and not lock.new and lock.seconds > gate.seconds
                if blocks and (not gate.rows or rows.get(lock.table, 0) > gate.rows):
                    yield f"{run.file} locks {lock.table}, {BLOCKS[lock.mode]}, for {duration(lock.seconds)}"
