"""One change of a kustomization.yaml as insertions and deletions of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from aegisgen.record import Record, replace
from aegisgen.render.kustomization import entries
from aegisgen.render.kustomization.changes import Change
from aegisgen.render.kustomization.entries import Entry
from aegisgen.render.kustomization.layout import BLANK, Layout, Node, UnsafeError, lines
from aegisgen.render.kustomization.stated import Path, Value


class Edit(Record):
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


class _Style(Record):
    """How a block list is indented: the dash against its key, the item against the dash, a mapping against its key."""

    offset: int = 2
    gap: str = " "
    step: str = "  "


def splice(text: str, edits: Sequence[Edit]) -> str:
    """Apply edits that do not overlap; those at the same place in the order given."""
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [text[done : edit.start], edit.new]
        done = edit.end
    return "".join([*parts, text[done:]])


def edits_for(layout: Layout, change: Change) -> list[Edit]:
    """Return the edits that make the change; UnsafeError where the text gives no safe place for them."""
    pair = layout.pair(change.key)
    if pair is None:
        return _add_key(layout, change.key, [_entry(change)])
    key, value = pair
    if value.kind == "scalar":
        return _fill_null(layout, key, value, _entry(change))
    if value.kind != "list":
        reason = "an alias of a list elsewhere" if value.kind == "alias" else "a mapping"
        raise UnsafeError(f"{reason}, expected a list of its own")
    if change.entry is None:
        delete = _delete_flow if value.style == "flow" else _delete_block
        return delete(layout, key, value, change.item or 0)
    if change.item is not None:
        return _replace(layout, key, value.children[change.item], change.entry, in_flow=value.style == "flow")
    if value.style == "flow":
        return _append_flow(layout, value, _flow(key, change.entry))
    return _append_block(layout, value, change.entry)


def value_edits(layout: Layout, value: Value) -> list[Edit]:
    """Return the edits that put a stated value into its place; UnsafeError as `edits_for`."""
    *above, last = value.path
    top = layout.pair(str(value.path[0]))
    appends = len(value.path) == 2 and isinstance(last, int)  # noqa: PLR2004 - to a list at the top
    if top is None:
        return _add_key(layout, str(value.path[0]), [value.value] if appends else value.value)
    if appends and top[1].kind == "scalar" and isinstance(value.value, str | dict):
        return _fill_null(layout, *top, value.value)
    parent = _node_at(layout, tuple(above))
    if parent.kind == "list" and isinstance(last, int):
        return _item_edits(layout, parent, last, value.value)
    key, node = next(((key, node) for key, node in parent.pairs() if key.value == last), (None, None))
    if key is None or node is None:
        return _add_pair(layout, parent, str(last), value.value)
    if value.value is None:
        return [_without_pair(layout, parent, key, node)]
    return _renamed(layout, key, node, value) if value.key else [_rewritten(layout, node, value.value)]


def _without_pair(layout: Layout, parent: Node, key: Node, node: Node) -> Edit:
    """Delete a field: its lines, or what it takes of a line that it shares with another."""
    if parent.style != "flow" and layout.starts_line(key.start) and key is not parent.children[0]:
        return _whole_lines(layout, layout.line_start(key.start), layout.content_end(node))
    index = parent.children.index(key)
    following = parent.children[index + 2].start if index + 2 < len(parent.children) else 0
    start, end = (key.start, following) if following else (parent.children[max(index - 1, 0)].end, node.end)
    if "#" in layout.text[start : key.start] + layout.text[node.end : end]:
        raise UnsafeError(f"{key.value} has to go, and shares its line with a comment", key.start)
    return Edit(start, end, "")


def _renamed(layout: Layout, key: Node, node: Node, value: Value) -> list[Edit]:
    """Return the edits of a key and its value; another kind of value has quotes of its own."""
    quote = _is_json(layout)
    rewritten = replace(_rewritten(layout, node, value.value), new=entries.scalar(value.value, quote=quote))
    return [Edit(key.start, key.end, entries.scalar(value.key, quote=quote)), rewritten]


def _item_edits(layout: Layout, parent: Node, index: int, value: object) -> list[Edit]:
    if index < len(parent.children):
        return [_rewritten(layout, parent.children[index], value)]
    entry = value if isinstance(value, str | dict) else str(value)
    if parent.style == "flow":
        return _append_flow(layout, parent, entries.flow(entry, quote=_is_json(layout)))
    return _append_block(layout, parent, entry)


def _node_at(layout: Layout, path: Path) -> Node:
    node = layout.root
    for part in path:
        if node is None or node.kind not in {"mapping", "list"}:
            break
        if isinstance(part, int):
            node = node.children[part] if part < len(node.children) else None
        else:
            node = next((inner for key, inner in node.pairs() if key.value == part), None)
    if node is None or node.kind not in {"mapping", "list"}:
        raise UnsafeError(
            "an alias, a merge key or a single value, expected the entry itself", node.start if node else 0
        )
    return node


def _add_pair(layout: Layout, parent: Node, key: str, value: object) -> list[Edit]:
    if parent.style == "flow":
        quote = bool(parent.children) and parent.children[0].style == '"'
        written = f"{entries.scalar(key, quote=quote)}: {entries.flow(value, quote=quote)}"
        return _append_flow(layout, parent, written, pairs=True)
    at = layout.content_end(parent)
    indent = " " * layout.column(parent.children[0].start)
    lines_of_pair = entries.pair(key, value)
    return [Edit(at, at, "".join(layout.newline(at) + indent + line for line in lines_of_pair))]


def _rewritten(layout: Layout, node: Node, value: object) -> Edit:
    """Return the edit of a single value, in the quotes that it stands in."""
    if node.kind != "scalar" or layout.text[node.start : node.start + 1] in {"&", "!"} or node.style in {"|", ">"}:
        raise UnsafeError("an anchor, a tag, a block or no single value, expected a plain or quoted one", node.start)
    if isinstance(value, list):
        written = entries.flow(value, quote=_is_json(layout))
    else:
        written = entries.scalar(value, quote=node.style == '"' and isinstance(value, str))
    if node.style == "'" and isinstance(value, str) and value.isprintable():
        doubled = value.replace("'", "''")
        written = f"'{doubled}'"
    lead = " " if node.start == node.end and layout.text[node.start - 1 : node.start] in {":", "-"} else ""
    return Edit(node.start, node.end, lead + written)


def _is_json(layout: Layout) -> bool:
    root = layout.root
    return bool(root and root.style == "flow" and root.children and root.children[0].style == '"')


def _entry(change: Change) -> Entry:
    assert change.entry is not None, "only an item that exists can be removed"  # noqa: S101
    return change.entry


def _flow(key: Node, entry: Entry) -> str:
    return entries.flow(entry, quote=key.style == '"')


def _replace(layout: Layout, key: Node, item: Node, entry: Entry, *, in_flow: bool) -> list[Edit]:
    if in_flow or item.style == "flow":
        return [Edit(item.start, item.end, _flow(key, entry))]
    dash = layout.dash(item)
    style = _style_of_items(layout, (item,))
    written = entries.block(entry, " " * layout.column(dash), style.gap, style.step)
    return [Edit(dash, layout.content_end(item), layout.newline(dash).join(written).lstrip(" "))]


# Keys


def _add_key(layout: Layout, key: str, value: object) -> list[Edit]:
    """Add a key to the document: with a list of one entry, or with a single value."""
    root = layout.root
    if root and root.style == "flow":
        quote = _is_json(layout)
        written = f"{entries.scalar(key, quote=quote)}: {entries.flow(value, quote=quote)}"
        return _append_flow(layout, root, written, pairs=True)
    style = _common_style(layout)
    column = layout.column(root.children[0].start) if root and layout.starts_line(root.children[0].start) else 0
    key_lines = [" " * column + line for line in _key_lines(key, value, style)]
    at = _last_line(layout)
    newline = layout.newline(at)
    if not layout.text[:at].strip(BLANK):  # nothing but blank lines: begin after them, and end the last line
        lead = "" if layout.line_start(layout.end) == layout.end else newline
        return [Edit(layout.end, layout.end, lead + newline.join(key_lines) + newline)]
    if _separates_keys(layout):
        key_lines.insert(0, "")
    return [Edit(at, at, newline + newline.join(key_lines))]


def _key_lines(key: str, value: object, style: _Style) -> list[str]:
    if not isinstance(value, list):
        return entries.pair(key, value)
    items = [line for entry in value for line in entries.block(entry, " " * style.offset, style.gap, style.step)]
    return [f"{key}:", *items]


def _last_line(layout: Layout) -> int:
    begin = layout.content_end(layout.root) if layout.root else 0
    rest = layout.text[begin : layout.end].rstrip(BLANK)
    return layout.line_end(begin + len(rest)) if rest else begin


def _separates_keys(layout: Layout) -> bool:
    pairs = layout.root.pairs() if layout.root else ()
    return any(
        not line.strip()
        for (_, above), (below, _) in pairwise(pairs)
        for line in lines(layout.text[layout.content_end(above) : layout.line_start(below.start)])[1:-1]
    )


def _fill_null(layout: Layout, key: Node, value: Node, entry: Entry) -> list[Edit]:
    written = layout.text[value.start : value.end]
    in_flow = layout.root is not None and layout.root.style == "flow"
    if value.style or written not in {"", "~", "null", "Null", "NULL"}:
        raise UnsafeError("a single value, expected a list")
    if written or in_flow:
        listed = f"[{_flow(key, entry)}]"
        lead = " " if layout.text[value.start - 1] == ":" else ""
        return [Edit(value.start, value.end, lead + listed)]
    style = _common_style(layout)
    indent = " " * (layout.column(key.start) + style.offset)
    at = layout.line_end(value.end)
    newline = layout.newline(at)
    return [Edit(at, at, newline + newline.join(entries.block(entry, indent, style.gap, style.step)))]


# Lists in block style


def _append_block(layout: Layout, value: Node, entry: Entry) -> list[Edit]:
    last = value.children[-1]
    style = _style_of_items(layout, value.children)
    indent = " " * layout.column(layout.dash(last))
    at = layout.content_end(last)
    newline = layout.newline(at)
    return [Edit(at, at, newline + newline.join(entries.block(entry, indent, style.gap, style.step)))]


def _delete_block(layout: Layout, key: Node, value: Node, index: int) -> list[Edit]:
    item = value.children[index]
    dash = layout.dash(item)
    if not layout.starts_line(dash):
        raise UnsafeError("a list item that shares its line with its key")
    item_lines = _whole_lines(layout, layout.line_start(dash), layout.content_end(item))
    if len(value.children) > 1:
        return [item_lines]
    if layout.text[key.end : dash].strip(BLANK) == ":" and layout.starts_line(key.start):
        return [_whole_lines(layout, _key_start(layout, key, item_lines.end), layout.content_end(item))]
    colon = layout.text.index(":", key.end) + 1  # a comment or an anchor stands between: keep it, and the key
    return [Edit(colon, colon, " []"), item_lines]


def _key_start(layout: Layout, key: Node, end: int) -> int:
    """Return where the lines of a key begin that goes; a blank line above goes with it if none would part two keys."""
    start = layout.line_start(key.start)
    above = layout.line_start(layout.before_break(start))
    pairs = layout.root.pairs() if layout.root else ()
    previous = max((layout.content_end(value) for _, value in pairs if value.end <= start), default=0)
    doubled = end >= layout.end or not layout.text[end : layout.line_end(end)].strip()
    return above if doubled and previous < above < start and layout.starts_line(layout.before_break(start)) else start


def _whole_lines(layout: Layout, start: int, end: int) -> Edit:
    """Delete from the start of a line to the end of a line, and a line break with them."""
    following = layout.after_break(end)
    return Edit(start, following, "") if following is not None else Edit(layout.before_break(start), end, "")


def _common_style(layout: Layout) -> _Style:
    pairs = layout.root.pairs() if layout.root else ()
    for key, value in reversed(pairs):
        if value.kind == "list" and value.style == "block":
            offset = layout.column(layout.dash(value.children[-1])) - layout.column(key.start)
            return replace(_style_of_items(layout, value.children), offset=max(0, offset))
    return _Style()


def _style_of_items(layout: Layout, items: Sequence[Node]) -> _Style:
    last = items[-1]
    dash = layout.dash(last)
    gap = layout.text[dash + 1 : last.start]
    steps = [
        layout.column(inner.children[0].start) - layout.column(name.start)
        for item in items
        if item.kind == "mapping" and item.style == "block"
        for name, inner in item.pairs()
        if inner.kind == "mapping" and inner.style == "block"
    ]
    plain_gap = bool(gap) and not gap.strip(" ")
    return _Style(gap=gap if plain_gap else " ", step=" " * max(1, steps[-1]) if steps else "  ")


# Lists and mappings in flow style


def _append_flow(layout: Layout, node: Node, written: str, *, pairs: bool = False) -> list[Edit]:
    """Append to `[...]` or, with `pairs`, to `{...}`; a trailing comma and a line for each item are kept up."""
    close = node.end - 1
    if not node.children:
        return [Edit(close, close, written)]
    start, end = node.children[-2 if pairs else -1].start, node.children[-1].end
    comma = layout.comma(end, close)
    at = layout.line_end(end if comma is None else comma)
    if layout.starts_line(start) and at < close:
        indent = layout.text[layout.line_start(start) : start]
        if comma is None:
            return [Edit(end, end, ","), Edit(at, at, layout.newline(at) + indent + written)]
        return [Edit(at, at, layout.newline(at) + indent + written + ",")]
    if comma is None:
        return [Edit(end, end, f", {written}")]
    return [Edit(comma + 1, comma + 1, f" {written},")]


def _delete_flow(layout: Layout, _key: Node, value: Node, index: int) -> list[Edit]:
    text, items = layout.text, value.children
    item = items[index]
    following = items[index + 1].start if index + 1 < len(items) else value.end - 1
    comma = layout.comma(item.end, following)
    before = layout.comma(items[index - 1].end, item.start) if index else None
    orphaned = [Edit(before, before + 1, "")] if comma is None and before is not None else []
    end = item.end if comma is None else comma + 1
    eol = layout.line_end(end)
    rest = text[end:eol].lstrip(" \t")
    if layout.starts_line(item.start) and (not rest or rest.startswith("#")):
        return [*orphaned, _whole_lines(layout, layout.line_start(item.start), eol)]
    if before is not None and not text[before + 1 : item.start].strip(" \t"):
        return [Edit(before, item.end, "")]
    return [*orphaned, Edit(item.start, end + len(text[end:eol]) - len(rest) if comma is not None else end, "")]
