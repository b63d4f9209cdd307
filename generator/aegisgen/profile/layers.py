"""The places that say something of a service, and problems put where they belong."""

from __future__ import annotations

from aegisgen.errors import Problem
from aegisgen.kube.resource import value_at
from aegisgen.record import Record
from aegisgen.yaml.source import Document


class Layer(Record):
    """One place that says something of a service: the mapping at `path` of a document."""

    document: Document
    path: tuple[str, ...]
    data: dict[str, object]


def problem(layers: list[Layer], field: tuple[str | int, ...], message: str) -> Problem:
    """Place a problem at `field` in the layer that says most of it, the strongest one of several."""
    depths = [_depth(layer.data, field) for layer in layers]
    layer = layers[max(range(len(layers)), key=lambda index: (depths[index], index))]
    full = (*layer.path, *field)
    line, column = layer.document.position(full)
    return Problem(layer.document.source, line, column, ".".join(map(str, full)), message)


def saying(layers: list[Layer], *field: str | int) -> list[Layer]:
    """Return the layers that say something at a field, the weakest first."""
    return [layer for layer in layers if value_at(layer.data, field) is not None]


def missing(layers: list[Layer], field: tuple[str | int, ...], message: str) -> Problem:
    """Place a problem about something that the environment's profile should say and no layer says."""
    spec = [layer for layer in layers if layer.path == ("spec",)]
    return problem(spec or layers, field, message)


def _depth(data: object, field: tuple[str | int, ...]) -> int:
    return sum(value_at(data, field[: length + 1]) is not None for length in range(len(field)))
