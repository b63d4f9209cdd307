"""The cards of the picture, one for each step, drawn to fit; and its look: fonts, the colours of both modes."""

from __future__ import annotations

from aegisgen.argocd import plan_words as words
from aegisgen.argocd.plan import Absence, Step, Unapplied, Until
from aegisgen.argocd.svg_text import Font, escape, shorten, wrap
from aegisgen.record import Record

TITLE = Font(20, bold=True)
SANS_BOLD = Font(15, bold=True)
NAME = Font(12.5, mono=True, bold=True)
LABEL = Font(11)
SMALL = Font(11.5)
_PAD = 13
_TOP = 46
_LINE = 16
_INIT = 26
_MAX_LINES = 4


class Card(Record):
    """A card that is measured, and drawn where the picture has place for it."""

    style: str
    kind: str
    badge: str
    name: str
    title: str
    body: tuple[tuple[str, str], ...]
    """Lines, each with its style."""
    init: tuple[tuple[str, str], ...]
    width: float

    @property
    def height(self) -> float:
        """The least height that holds everything."""
        return _TOP + len(self.body) * _LINE + len(self.init) * _INIT + 6

    def draw(self, x: float, y: float, height: float) -> str:
        """Return the card as SVG, its upper left corner at `x`, `y`."""
        parts = [
            f'<g class="card {self.style}"><title>{escape(self.title)}</title>',
            f'<rect class="box" x="{x:g}" y="{y:g}" width="{self.width:g}" height="{height:g}" rx="7"/>',
            f'<path class="bar" d="M{x + 2.5:g} {y + 8:g}v{height - 16:g}"/>',
            f'<text x="{x + _PAD:g}" y="{y + 19:g}" class="kind">{escape(self.kind)}</text>',
            f'<text x="{x + _PAD:g}" y="{y + 37:g}" class="name">{escape(self.name)}</text>',
        ]
        if self.badge:
            parts.append(f'<text x="{x + self.width - 11:g}" y="{y + 19:g}" class="badge">{escape(self.badge)}</text>')
        top = y + _TOP
        for name, note in self.init:
            parts.append(_init(x + _PAD, top, self.width - 2 * _PAD, name, note))
            top += _INIT
        for text, style in self.body:
            parts.append(f'<text x="{x + _PAD:g}" y="{top + 11:g}" class="{style}">{escape(text)}</text>')
            top += _LINE
        return "".join([*parts, "</g>"])


def step_card(step: Step, width: float) -> Card:
    """Return the card of a step, `width` pixels wide."""
    room = width - 2 * _PAD
    endless = step.waited and step.limit is not None and step.limit.seconds is None
    lines = [(words.limits(step), "alarm" if endless else "fact")]
    lines.append((" · ".join(filter(None, (words.done(step), words.deletion(step)))), "faint"))
    if step.moved:
        lines.append(("moved here from its own wave, for what needs it", "fact"))
    style = "gate" if step.until is Until.APPROVED else "hook" if step.hook else "plain"
    badge = words.kind_of_step(step) if style != "plain" else ""
    return Card(
        style,
        shorten(step.identity.kind, room - LABEL.width(badge) - 10, LABEL),
        badge,
        shorten(words.name(step), room, NAME),
        "\n".join((words.title(step), *(text for text, _ in lines if text), *words.init_order(step))),
        _body(lines, room),
        tuple(_init_words(step, index, room) for index in range(len(step.init_containers))),
        width,
    )


def absent_card(item: Unapplied, width: float) -> Card:
    """Return the card of a resource that no sync applies."""
    room = width - 2 * _PAD
    why = words.absence(item)
    unknown = item.absence is Absence.UNKNOWN
    return Card(
        "typo" if unknown else "quiet",
        shorten(item.identity.kind, room, LABEL),
        "",
        shorten(item.identity.name, room, NAME),
        f"{item.identity}\n{why}",
        _body([(why, "alarm" if unknown else "fact")], room),
        (),
        width,
    )


def _body(lines: list[tuple[str, str]], room: float) -> tuple[tuple[str, str], ...]:
    return tuple((text, style) for words_, style in lines for text in wrap(words_, room, SMALL, _MAX_LINES))


def _init_words(step: Step, index: int, room: float) -> tuple[str, str]:
    container = step.init_containers[index]
    count = step.replicas
    note = "sidecar" if container.sidecar else f"first, in each of {count} pods" if count and count > 1 else "first"
    if index and not container.sidecar:
        note = note.replace("first", "then")
    return shorten(container.name, room - SMALL.width(note) - 34, NAME), note


def _init(x: float, y: float, width: float, name: str, note: str) -> str:
    return (
        f'<rect class="init" x="{x:g}" y="{y:g}" width="{width:g}" height="22" rx="4"/>'
        f'<text x="{x + 9:g}" y="{y + 15:g}" class="initname">{escape(name)}</text>'
        f'<text x="{x + width - 9:g}" y="{y + 15:g}" class="initnote">{escape(note)}</text>'
    )


STYLE = """
svg{--paper:#ffffff;--ink:#1c2030;--soft:#5a6275;--faint:#666e82;--box:#ffffff;--edge:#d9dde6;--plain:#8b93a7;
 --alarm:#a34a00;--gate:#b57a00;--pre:#4457c8;--sync:#17835a;--post:#7a3fc0;--fail:#c7362f;--absent:#a36a00;
 --tint:.055;--tintedge:.28}
@media (prefers-color-scheme:dark){
svg{--paper:#0d1117;--ink:#e8ebf2;--soft:#a8b0c0;--faint:#8a93a5;--box:#161b24;--edge:#30384a;--plain:#6b7488;
 --alarm:#ffae57;--gate:#f0b93a;--pre:#8b9bff;--sync:#4cc990;--post:#bf94ff;--fail:#ff7a72;--absent:#e0a83c;
 --tint:.09;--tintedge:.38}}
text{font-family:-apple-system,BlinkMacSystemFont,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif;
 font-size:11.5px;fill:var(--ink)}
.PreSync{--phase:var(--pre)}.Sync{--phase:var(--sync)}.PostSync{--phase:var(--post)}
.SyncFail{--phase:var(--fail)}.absent{--phase:var(--absent)}
.title{font-size:20px;font-weight:700}.phase{font-size:15px;font-weight:700;fill:var(--phase)}
.muted,.note{fill:var(--soft)}.wait{fill:var(--faint)}.end,.badge,.initnote{text-anchor:end}.middle{text-anchor:middle}
.band{fill:var(--phase);fill-opacity:var(--tint);stroke:var(--phase);stroke-opacity:var(--tintedge)}
.absent .band{stroke-dasharray:5 4;stroke-opacity:.6}
.pill{fill:var(--phase)}.pilltext{font-weight:700;fill:var(--paper)}
.rail,.flow,.failure{fill:none;stroke-width:1.6}.rail{stroke:var(--phase);stroke-opacity:.6}
.tip{fill:var(--phase);fill-opacity:.75}.flow{stroke:var(--faint)}.flowtip{fill:var(--faint)}
.failure{stroke:var(--fail);stroke-dasharray:5 4}.head{fill:var(--fail)}
.box{fill:var(--box);stroke:var(--edge)}.bar{stroke:var(--plain);stroke-width:3;stroke-linecap:round}
.hook .bar{stroke:var(--phase)}.gate .bar{stroke:var(--gate)}.gate .box{stroke:var(--gate)}
.typo .bar{stroke:var(--fail)}.kind{font-size:11px;fill:var(--soft)}
.badge{font-size:11px;fill:var(--phase)}.gate .badge{fill:var(--gate)}
.name,.initname{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
 font-size:12.5px;font-weight:600}
.initname{font-weight:500}.fact{fill:var(--soft)}.faint,.initnote{fill:var(--faint)}.alarm{fill:var(--alarm)}
.init{fill:var(--phase);fill-opacity:.1;stroke:var(--phase);stroke-opacity:.3}
"""
