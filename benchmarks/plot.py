"""A plot of seconds over services, both axes logarithmic, as SVG text. Needs nothing but Python."""

from __future__ import annotations

import math
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 200, 20, 50
COLOURS = ("#c0392b", "#e67e22", "#8e44ad", "#1f6feb", "#1a7f37")


def svg(lines: dict[str, dict[int, float]]) -> str:
    """Draw lines of points (services, seconds), each with its name at its end."""
    sizes = [size for points in lines.values() for size in points]
    seconds = [value for points in lines.values() for value in points.values()]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    first, last = math.log10(min(sizes)), math.log10(max(sizes)) or 1

    def x(size: float) -> float:
        return LEFT + (math.log10(size) - first) / (last - first or 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low or 1) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        "<title>Seconds over services, both axes logarithmic</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for power in range(low, high + 1):
        at = y(10**power)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    for size in sorted(set(sizes)):
        parts.append(f'<path d="M{x(size):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 10}" text-anchor="middle">services, two environments each</text>'
    )
    labels = _apart({name: y(points[max(points)]) for name, points in lines.items() if points})
    for (name, points), colour in zip(lines.items(), COLOURS, strict=False):
        if not points:
            continue
        way = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in sorted(points.items()))
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>' for size, value in points.items()
        ]
        parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{labels[name] + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _apart(places: dict[str, float], least: float = 15) -> dict[str, float]:
    """Move names down until none covers another."""
    moved: dict[str, float] = {}
    lowest = -least
    for name, place in sorted(places.items(), key=lambda item: item[1]):
        lowest = moved[name] = max(place, lowest + least)
    return moved
