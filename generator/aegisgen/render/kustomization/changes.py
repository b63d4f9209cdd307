"""Which entries of a kustomization are missing, stale or to go, told from its data alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aegisgen.record import Record
from aegisgen.render.kustomization import entries
from aegisgen.render.kustomization.entries import Entry, Wiring


class Change(Record):
    """What happens to the list `key`: without `item` the entry is appended, without `entry` that item is removed."""

    key: str
    item: int | None
    entry: Entry | None


def next_change(data: dict[str, object], wanted: Wiring, remove: Collection[str]) -> Change | None:
    """Return the next step on the way. Additions come first, so that a list that has neighbours keeps its style."""
    for key, listed in lists(wanted):
        items = items_of(data, key)
        for entry in absent(items, listed):
            return Change(key, stale(items, listed, entries.path_of(entry)), entry)
    for key, listed in lists(wanted):
        items = items_of(data, key)
        ours = {entries.path_of(entry) for entry in listed}
        gone = {entries.path_of(path) for path in remove} - ours - {None}
        for index, item in enumerate(items):
            path = entries.path_of(item)
            if path in gone or (path in ours and stale([item], listed, path) is not None):
                return Change(key, index, None)
    return None


def lists(wanted: Wiring) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """Return each list's key with the entries that are wanted in it."""
    return (("resources", wanted.resources), ("patches", wanted.patches))


def items_of(data: dict[str, object], key: str) -> list[object]:
    """Return the items of a list, none where there is no list."""
    items = data.get(key)
    return items if isinstance(items, list) else []


def absent(items: Sequence[object], listed: Sequence[Entry]) -> list[Entry]:
    """Return the wanted entries that no item is."""
    return [entry for entry in listed if not any(entries.matches(item, entry) for item in items)]


def stale(items: Sequence[object], listed: Sequence[Entry], path: str | None) -> int | None:
    """Return the first item with this path that is none of the listed entries."""
    for index, item in enumerate(items):
        if entries.path_of(item) == path and not any(entries.matches(item, entry) for entry in listed):
            return index
    return None
