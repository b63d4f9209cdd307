"""A plan as a tree for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aegisgen.argocd import plan_words as words
from aegisgen.argocd.hooks import Phase
from aegisgen.argocd.plan import Absence, Plan, PlannedWave, Step, Unapplied, Until
from aegisgen.output.visible import visible
from aegisgen.record import Record

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35"}
_PHASE_COLOURS = {Phase.PRE_SYNC: "blue", Phase.SYNC: "green", Phase.POST_SYNC: "magenta", Phase.SYNC_FAIL: "red"}


class _Branch(Record):
    label: str
    colour: str
    details: tuple[tuple[str, str], ...]
    branches: tuple[_Branch, ...] = ()


def to_text(plan: Plan, *, colour: bool = False) -> str:
    """Return the tree, its lines ended by a newline; `colour` adds ANSI escapes."""
    branches = [
        _Branch(phase.phase, _PHASE_COLOURS[phase.phase], (), tuple(_wave(plan, wave) for wave in phase.waves))
        for phase in plan.phases
    ]
    if plan.unapplied:
        branches.append(_Branch("not part of the sync", "yellow", (), tuple(map(_unapplied, plan.unapplied))))
    lines = [_paint(f"Sync of {plan.title}" if plan.title else "Sync", "bold", colour=colour)]
    if not plan.phases:
        lines.append("nothing to apply")
    lines += _draw(branches, "", colour=colour)
    lines += ["", *(_paint(note, "dim", colour=colour) for note in words.notes(plan))]
    return "".join(f"{line}\n" for line in lines)


def _wave(plan: Plan, wave: PlannedWave) -> _Branch:
    details = ((words.waiting(wave), "dim"), (f"if it fails: {words.failing(plan, wave)}", "dim"))
    return _Branch(f"wave {wave.id.wave}", "bold", details, tuple(map(_step, wave.steps)))


def _step(step: Step) -> _Branch:
    facts = [words.done(step), words.deletion(step)]
    if step.moved:
        facts.append("moved here from its own wave, for what needs it")
    details = [("; ".join(filter(None, facts)), "yellow" if step.until is Until.APPROVED else "")]
    bounds = words.limits(step)
    if bounds:
        endless = step.limit is not None and step.limit.seconds is None
        details.append((bounds, "yellow" if endless else ""))
    details += [(line, "") for line in words.init_order(step)]
    kind = words.kind_of_step(step)
    return _Branch(words.title(step) + (f"  [{kind}]" if kind != "resource" else ""), "bold", tuple(details))


def _unapplied(item: Unapplied) -> _Branch:
    colour = "red" if item.absence is Absence.UNKNOWN else ""
    return _Branch(str(item.identity), "bold", ((words.absence(item), colour),))


def _draw(branches: Sequence[_Branch], indent: str, *, colour: bool) -> Iterator[str]:
    for index, branch in enumerate(branches):
        last = index == len(branches) - 1
        yield f"{indent}{'└─' if last else '├─'} {_paint(branch.label, branch.colour, colour=colour)}"
        under = indent + ("   " if last else "│  ")
        rule = "│  " if branch.branches else "   "
        for text, tint in branch.details:
            yield f"{under}{rule}{_paint(text, tint, colour=colour)}"
        yield from _draw(branch.branches, under, colour=colour)


def _paint(text: str, tint: str, *, colour: bool) -> str:
    clean = visible(text)
    return f"\x1b[{_COLOURS[tint]}m{clean}\x1b[0m" if colour and tint and clean else clean
