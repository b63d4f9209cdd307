"""Editing a shared kustomization.yaml: aegisgen's entries in, everybody else's bytes as they were."""

from __future__ import annotations

from collections.abc import Collection

from aegisgen.profile.stated import Stated
from aegisgen.render.kustomization.changes import next_change
from aegisgen.render.kustomization.entries import Patch, Wiring
from aegisgen.render.kustomization.stated import next_value
from aegisgen.yaml.source import Document, parse

__all__ = ["Patch", "Wiring", "wire"]


def wire(text: str, source: str, wanted: Wiring, *, remove: Collection[str] = (), stated: Stated | None = None) -> str:
    """Return the text of a kustomization.yaml with the wanted entries and values in it, as `rewire.wire` says."""
    if _is_right(text.removeprefix("\ufeff"), wanted, remove, stated):
        return text
    from aegisgen.render.kustomization.rewire import wire as edited  # noqa: PLC0415 - libyaml costs 25 ms to import

    return edited(text, source, wanted, remove=remove, stated=stated)


def _is_right(text: str, wanted: Wiring, remove: Collection[str], stated: Stated | None) -> bool:
    try:
        documents = list(parse(text, ""))
    except UnicodeEncodeError:  # lone surrogates; the edit says what is wrong
        return False
    data = documents[0].data if len(documents) == 1 and isinstance(documents[0], Document) else None
    return (
        isinstance(data, dict)
        and next_change(data, wanted, remove) is None
        and (stated is None or next_value(data, stated) is None)
    )
