"""A plan as a picture: phases as bands, waves as rows, steps as cards. One file, no scripts, no fonts of its own.

830 pixels are the width of a README. Colours follow the reader's light or dark mode.
"""

from __future__ import annotations

from collections.abc import Sequence

from aegisgen.argocd import plan_words as words
from aegisgen.argocd.hooks import Phase
from aegisgen.argocd.plan import Plan, PlannedPhase, PlannedWave
from aegisgen.argocd.plan_card import SANS_BOLD, SMALL, STYLE, TITLE, Card, absent_card, step_card
from aegisgen.argocd.svg_text import Font, escape, shorten, wrap

WIDTH = 830
_MARGIN = 16
_GUTTER = 34  # on the right, for the way to the SyncFail hooks
_RAIL = 92
_GAP = 12
_HEADER = 44
_BETWEEN = 26
_LINE = 17
_WAVE_GAP = 8
_ROOM = WIDTH - 2 * _MARGIN


def to_svg(plan: Plan) -> str:
    """Return the document, ended by a newline."""
    picture = _Picture(plan)
    picture.heading()
    for phase in plan.phases:
        picture.phase(phase)
    if plan.unapplied:
        picture.unapplied()
    picture.failure_path()
    picture.notes()
    return picture.document()


class _Picture:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.y = 0.0
        self.parts: list[str] = []
        self.exits: list[float] = []
        self.entry = 0.0
        self.band = _ROOM - (_GUTTER if plan.sync_fail and len(plan.phases) > 1 else 0)

    def heading(self) -> None:
        title = f"Sync of {self.plan.title}" if self.plan.title else "Sync"
        self.parts.append(_text(_MARGIN, 32, "title", shorten(title, _ROOM, TITLE), full=title))
        line = "From top to bottom. A wave begins when everything before it is done."
        self.parts.append(_text(_MARGIN, 53, "muted", line if self.plan.phases else "Nothing to apply."))
        self.y = 70

    def phase(self, phase: PlannedPhase) -> None:
        top = self.y
        cards = [_rows([step_card(step, self._card(wave.steps)) for step in wave.steps]) for wave in phase.waves]
        height = _HEADER + sum(_rows_height(rows) + _LINE + _WAVE_GAP for rows in cards) - 4
        fail = phase.phase is Phase.SYNC_FAIL
        self.parts.append(f'<g class="{phase.phase}">')
        self._band(top, height, str(phase.phase), _summary(self.plan, phase))
        self.y = top + _HEADER
        for number, (wave, rows) in enumerate(zip(phase.waves, cards, strict=True)):
            self._wave(wave, rows, tail=not fail and number < len(phase.waves) - 1)
        self.parts.append("</g>")
        self.y = top + height
        if fail:
            self.entry = top + _HEADER / 2
        else:
            self.exits.append(top + _HEADER / 2)
            self._arrow_down(phase)
        self.y += _BETWEEN

    def unapplied(self) -> None:
        top = self.y
        rows = _rows([absent_card(item, self._card(self.plan.unapplied)) for item in self.plan.unapplied])
        self.parts.append('<g class="absent">')
        height = _HEADER + _rows_height(rows) + 4
        self._band(top, height, "Not part of the sync", "")
        self._cards(rows, top + _HEADER)
        self.parts.append("</g>")
        self.y = top + height + _BETWEEN

    def failure_path(self) -> None:
        if not self.entry or not self.exits:
            return
        right, turn = _MARGIN + self.band, _MARGIN + self.band + _GUTTER - 12
        stubs = "".join(f"M{right:g} {y:g}H{turn:g}" for y in self.exits)
        way = f"M{turn:g} {self.exits[0]:g}V{self.entry:g}H{right + 8:g}"
        self.parts.append(f'<path class="failure" d="{stubs}{way}"/>')
        self.parts.append(f'<path class="head" d="M{right + 1:g} {self.entry:g}l9 -5v10z"/>')

    def notes(self) -> None:
        for note in words.notes(self.plan):
            for line in wrap(note, _ROOM, SMALL, 2):
                self.parts.append(_text(_MARGIN, self.y + 6, "note", line))
                self.y += 16
        self.y += 8

    def document(self) -> str:
        title = escape(f"Sync plan: {self.plan.title}" if self.plan.title else "Sync plan")
        box = f"0 0 {WIDTH} {self.y:g}"
        size = f'width="{WIDTH}" height="{self.y:g}" viewBox="{box}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        return "\n".join([head, f"<title>{title}</title>", f"<style>{STYLE}</style>", *self.parts, "</svg>"]) + "\n"

    def _card(self, members: Sequence[object]) -> float:
        """How wide a card is: one alone has the whole row, several share it by two."""
        row = self.band - _RAIL - 14
        return row if len(members) == 1 else (row - _GAP) / 2

    def _band(self, top: float, height: float, name: str, summary: str) -> None:
        self.parts.append(
            f'<rect class="band" x="{_MARGIN}" y="{top:g}" width="{self.band:g}" height="{height:g}" rx="10"/>'
        )
        self.parts.append(_text(_MARGIN + 16, top + 28, "phase", name))
        room = self.band - 48 - SANS_BOLD.width(name)
        shown = shorten(summary, room, SMALL)
        self.parts.append(_text(_MARGIN + self.band - 14, top + 27, "muted end", shown, full=summary))

    def _wave(self, wave: PlannedWave, rows: Sequence[Sequence[Card]], *, tail: bool) -> None:
        top, x = self.y, _MARGIN + 16
        number = str(wave.id.wave)
        bottom = top + _LINE + _rows_height(rows) + _WAVE_GAP
        if tail:
            line = x + 30
            self.parts.append(f'<path class="rail" d="M{line} {top + 44:g}V{bottom + _LINE - 7:g}"/>')
            self.parts.append(f'<path class="tip" d="M{line} {bottom + _LINE - 1:g}l-4.5 -8h9z"/>')
        label = shorten(f"wave {number}", 54, Font(11.5, bold=True))
        self.parts.append(f'<rect class="pill" x="{x}" y="{top + _LINE:g}" width="60" height="24" rx="12"/>')
        failing = f"wave {number}, if it fails: {words.failing(self.plan, wave)}"
        self.parts.append(_text(x + 30, top + _LINE + 16, "pilltext middle", label, full=failing))
        waiting = words.waiting(wave)
        room = self.band - _RAIL - 14
        fewer = waiting if SMALL.width(waiting) <= room else words.waiting(wave, named=1)
        shown = shorten(fewer, room, SMALL)
        self.parts.append(_text(_MARGIN + _RAIL, top + 9, "wait", shown, full=waiting))
        self._cards(rows, top + _LINE)
        self.y = bottom

    def _cards(self, rows: Sequence[Sequence[Card]], top: float) -> None:
        for row in rows:
            height = max(card.height for card in row)
            for index, card in enumerate(row):
                x = _MARGIN + _RAIL + index * (card.width + _GAP)
                self.parts.append(card.draw(x, top, height))
            top += height + _GAP

    def _arrow_down(self, phase: PlannedPhase) -> None:
        following = self.plan.phases[self.plan.phases.index(phase) + 1 :]
        if following and following[0].phase is not Phase.SYNC_FAIL:
            x = _MARGIN + 46
            self.parts.append(f'<path class="flow" d="M{x} {self.y + 3:g}v{_BETWEEN - 12}"/>')
            self.parts.append(f'<path class="flowtip" d="M{x} {self.y + _BETWEEN - 3:g}l-5 -8h10z"/>')


def _rows(cards: Sequence[Card]) -> list[tuple[Card, ...]]:
    return [tuple(cards[index : index + 2]) for index in range(0, len(cards), 2)]


def _rows_height(rows: Sequence[Sequence[Card]]) -> float:
    return sum(max(card.height for card in row) + _GAP for row in rows)


def _summary(plan: Plan, phase: PlannedPhase) -> str:
    if phase.phase is Phase.SYNC_FAIL:
        return "only if a step above has failed"
    later = [other.phase for other in plan.phases[plan.phases.index(phase) + 1 :]]
    skipped = [str(other) for other in later if other is not Phase.SYNC_FAIL]
    parts = [f"skips {' and '.join(skipped)}"] if skipped else []
    parts.append("runs SyncFail" if plan.sync_fail else "nothing else runs")
    return f"if it fails: {', '.join(parts)}"


def _text(x: float, y: float, style: str, text: str, *, full: str = "") -> str:
    title = f"<title>{escape(full)}</title>" if full and full != text else ""
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{title}{escape(text)}</text>'
