"""What a profile states of an overlay's kustomization.yaml, and which value there is not yet that. Told by data alone.

A value that the profile leaves out belongs to the file. Where several entries set the same value, Kustomize takes the
last one; all of them are kept true, so that no reader is misled.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from aegisgen.kube.credentials import shown
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.profile.stated import Stated
from aegisgen.record import Record
from aegisgen.yaml.source import Document, documents

Path = tuple[str | int, ...]


class Value(Record):
    """The value at `path` becomes `value`, under the key `key` instead of the path's last; None: it goes."""

    path: Path
    value: object
    key: str = ""


def next_value(data: dict[str, object], stated: Stated) -> Value | None:
    """Return the next value that is not what is stated; a path that ends behind a list's items appends one."""
    return next(_values(data, stated), None)


def _values(data: dict[str, object], stated: Stated) -> Iterator[Value]:
    top = {"namespace": stated.namespace, "namePrefix": stated.name_prefix, "nameSuffix": stated.name_suffix}
    for field, wanted in top.items():
        if wanted and data.get(field) != wanted:
            yield Value((field,), wanted)
    if stated.base:
        yield from _base(data, stated.base)
    if stated.tag or stated.digest:
        yield from _image(data, stated)
    if stated.replicas is not None:
        yield from _replicas(data, stated.workload, stated.replicas)
    if stated.config:
        yield from _config(data, stated)


def _base(data: dict[str, object], base: str) -> Iterator[Value]:
    """The one folder outside of the overlay that it is made of."""
    folders = list(_folders(data))
    if any(posixpath.normpath(item) == base for _, _, item in folders):
        return
    end = ("resources", len(sequence(data.get("resources"))))
    yield Value(folders[0][:2] if len(folders) == 1 else end, base)


def _folders(data: Mapping[str, object]) -> Iterator[tuple[str, int, str]]:
    """The folders outside of the overlay that it lists: field, index and path."""
    for field in ("resources", "bases"):
        for index, item in enumerate(map(text, sequence(data.get(field)))):
            if posixpath.normpath(item).startswith("../") and not item.endswith((".yaml", ".yml", ".json")):
                yield field, index, item


def _image(data: dict[str, object], stated: Stated) -> Iterator[Value]:
    field, wanted, other = ("digest", stated.digest, "newTag") if stated.digest else ("newTag", stated.tag, "digest")
    items = sequence(data.get("images"))
    own = [
        (index, mapping(item))
        for index, item in enumerate(items)
        if stated.image in {mapping(item).get("name"), mapping(item).get("newName")}
    ]
    for index, entry in own:
        if entry.get(other) and field in entry:
            yield Value(("images", index, other), None)
        elif entry.get(other):
            yield Value(("images", index, other), wanted, field)
        elif entry.get(field) != wanted:
            yield Value(("images", index, field), wanted)
    if not own:
        yield Value(("images", len(items)), {"name": stated.image, field: wanted})


def _replicas(data: dict[str, object], workload: str, count: int) -> Iterator[Value]:
    items = sequence(data.get("replicas"))
    own = [(index, mapping(item)) for index, item in enumerate(items) if mapping(item).get("name") == workload]
    for index, entry in own:
        if entry.get("count") != count or isinstance(entry.get("count"), bool):
            yield Value(("replicas", index, "count"), count)
    if not own:
        yield Value(("replicas", len(items)), {"name": workload, "count": count})


def _config(data: dict[str, object], stated: Stated) -> Iterator[Value]:
    items = sequence(data.get("configMapGenerator"))
    own = [
        (index, mapping(item)) for index, item in enumerate(items) if mapping(item).get("name") == stated.config_name
    ]
    written = {
        (index, position): _split(text(literal))
        for index, entry in own
        for position, literal in enumerate(sequence(entry.get("literals")))
    }
    # A key that a file brings cannot stand among the literals of the same entry.
    free = [index for index, entry in own if not any(entry.get(field) for field in ("env", "envs", "files"))]
    for key, wanted in stated.config.items():
        places = [place for place, (name, _) in written.items() if name == key]
        for index, position in places:
            if written[index, position][1] != wanted:
                yield Value(("configMapGenerator", index, "literals", position), literal_of(key, wanted))
        if places:
            continue
        if not free:
            missing = [literal_of(name, value) for name, value in stated.config.items() if not _has(written, name)]
            entry = {"name": stated.config_name, "behavior": "merge", "literals": missing}
            yield Value(("configMapGenerator", len(items)), entry)
            return
        listed = mapping(items[free[-1]]).get("literals")
        if isinstance(listed, list):
            yield Value(("configMapGenerator", free[-1], "literals", len(listed)), literal_of(key, wanted))
        else:
            yield Value(("configMapGenerator", free[-1], "literals"), [literal_of(key, wanted)])


def _has(written: Mapping[tuple[int, int], tuple[str, str]], key: str) -> bool:
    return any(name == key for name, _ in written.values())


def literal_of(key: str, value: str) -> str:
    """Return a Kustomize literal; Kustomize takes one pair of quotes off a value that stands in quotes."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return f'{key}="{value}"' if quoted else f"{key}={value}"


def _split(literal: str) -> tuple[str, str]:
    key, _, value = literal.partition("=")
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return key, value[1:-1] if quoted else value


def applied(data: dict[str, object], value: Value) -> dict[str, object]:
    """Return the data with the value in it."""

    def set_in(node: object, path: Path) -> object:
        first, *rest = path
        if isinstance(first, int):
            items = list(sequence(node))
            new = set_in(items[first], tuple(rest)) if rest else value.value
            return [*items[:first], new, *items[first + 1 :]]
        pairs = dict(mapping(node))
        if rest:
            pairs[first] = set_in(pairs.get(first), tuple(rest))
            return pairs
        renamed = {(value.key or name) if name == first else name: inner for name, inner in pairs.items()}
        if value.value is None:
            del renamed[first]
        else:
            renamed[value.key or first] = value.value
        return renamed

    return mapping(set_in(data, value.path))


def differences(before: bytes, after: bytes) -> list[str]:
    """Return what changed between two kustomizations of what a profile can state: field, old and new value."""
    old, new = dict(_known(_data(before))), dict(_known(_data(after)))
    changed = {field: (old.get(field), new.get(field)) for field in {**old, **new}}
    return [
        f"{field}: {_shown(field, one)} -> {_shown(field, other)}"
        for field, (one, other) in changed.items()
        if (type(one), one) != (type(other), other)
    ]


def kept(content: bytes, stated: Stated) -> list[str]:
    """Return the values that a file has where the profile says nothing: they are the file's."""
    data = _data(content)
    entries = map(mapping, sequence(mapping(data).get("images")))
    images = {_image_name(item) for item in entries if stated.image in {item.get("name"), item.get("newName")}}
    silent = {
        "namePrefix": not stated.name_prefix,
        "nameSuffix": not stated.name_suffix,
        f"replicas[{stated.workload}]": stated.replicas is None,
        **{f"images[{name}].newTag": not stated.tag for name in images},
        **{f"images[{name}].digest": not stated.digest for name in images},
    }
    return [f"{field}: {_shown(field, value)}" for field, value in _known(data) if silent.get(field)]


def _image_name(entry: Mapping[str, object]) -> str:
    return text(entry.get("newName") or entry.get("name"))


def _shown(field: str, value: object) -> str:
    text = shown(field.rpartition(".")[2], value)
    return f"'{text}'" if field.startswith("replicas[") and isinstance(value, str) else text


def _data(content: bytes) -> object:
    return next((part.data for part in documents(content, "") if isinstance(part, Document)), None)


def _known(data: object) -> Iterator[tuple[str, object]]:
    fields = mapping(data)
    for field in ("namespace", "namePrefix", "nameSuffix"):
        if field in fields:
            yield field, fields[field]
    if folders := [item for _, _, item in _folders(fields)]:
        yield "base", ", ".join(folders)
    for item in map(mapping, sequence(fields.get("images"))):
        for field in ("newTag", "digest"):
            if field in item:
                yield f"images[{_image_name(item)}].{field}", item[field]
    for item in map(mapping, sequence(fields.get("replicas"))):
        yield f"replicas[{item.get('name')}]", item.get("count")
    for item in map(mapping, sequence(fields.get("configMapGenerator"))):
        for literal in sequence(item.get("literals")):
            key, value = _split(text(literal))
            yield f"{item.get('name')}.{key}", value
