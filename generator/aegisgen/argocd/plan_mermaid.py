"""A plan as a Mermaid flowchart, for Markdown that renders it."""

from __future__ import annotations

from itertools import pairwise

from aegisgen.argocd import plan_words as words
from aegisgen.argocd.hooks import Phase
from aegisgen.argocd.plan import Plan, PlannedWave, Step, Until, WaveId

# Mermaid reads labels as Markdown and HTML: only these stand for themselves, everything else goes as its code point.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -./:,()?'")
_CLASSES = (
    "classDef hook fill:#e8edff,stroke:#4457c8,color:#1b2250",
    "classDef resource fill:#e6f6ee,stroke:#1f8a58,color:#0d3a25",
    "classDef gate fill:#fff4d6,stroke:#b57a00,color:#4d3400",
    "classDef fail fill:#fdeaea,stroke:#c93a3a,color:#5a1212",
    "classDef absent fill:#f4f4f5,stroke:#8a8a93,color:#3f3f46,stroke-dasharray:4 3",
)


def to_mermaid(plan: Plan) -> str:
    """Return the flowchart, ended by a newline."""
    lines = ["flowchart TD"]
    for phase in plan.phases:
        lines.append(f'  subgraph {phase.phase}["{phase.phase}"]')
        for wave in phase.waves:
            lines += _wave(wave)
        lines.append("  end")
    lines += _arrows(plan)
    for index, item in enumerate(plan.unapplied):
        lines.append(f'  absent{index}["{_label(str(item.identity), words.absence(item))}"]:::absent')
    return "".join(f"{line}\n" for line in [*lines, *(f"  {line}" for line in _CLASSES)])


def _wave(wave: PlannedWave) -> list[str]:
    node = _node(wave.id)
    steps = [f'      {node}_{index}["{_step(step)}"]:::{_class(wave, step)}' for index, step in enumerate(wave.steps)]
    return [f'    subgraph {node}["wave {wave.id.wave}"]', *steps, "    end"]


def _arrows(plan: Plan) -> list[str]:
    waves = [wave.id for phase in plan.phases if phase.phase is not Phase.SYNC_FAIL for wave in phase.waves]
    lines = [f"  {_node(before)} --> {_node(after)}" for before, after in pairwise(waves)]
    if plan.sync_fail:
        lines += [
            f'  {phase.phase} -. "if it fails" .-> {Phase.SYNC_FAIL}'
            for phase in plan.phases
            if phase.phase is not Phase.SYNC_FAIL
        ]
    return lines


def _step(step: Step) -> str:
    return _label(words.title(step), words.done(step), words.limits(step), *words.init_order(step))


def _class(wave: PlannedWave, step: Step) -> str:
    if wave.id.phase is Phase.SYNC_FAIL:
        return "fail"
    if step.until is Until.APPROVED:
        return "gate"
    return "hook" if step.hook else "resource"


def _node(wave: WaveId) -> str:
    return f"{wave.phase}_w{wave.wave}".replace("-", "minus")


def _label(*lines: str) -> str:
    return "<br/>".join(_escape(line) for line in lines if line)


def _escape(text: str) -> str:
    return "".join(char if char in _PLAIN else f"#{ord(char)};" for char in text)
