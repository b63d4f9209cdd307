"""Keeps aegisgen's entries in a kustomization.yaml that people and other tools write too."""

from __future__ import annotations

from collections.abc import Collection

import yaml

from aegisgen.errors import InputError, Problem
from aegisgen.profile.stated import Stated
from aegisgen.record import Record, replace
from aegisgen.render.kustomization import entries
from aegisgen.render.kustomization.changes import Change, absent, items_of, next_change
from aegisgen.render.kustomization.edit import edits_for, splice, value_edits
from aegisgen.render.kustomization.entries import Wiring
from aegisgen.render.kustomization.layout import Layout, Node, UnsafeError, lines, read
from aegisgen.render.kustomization.stated import Value, applied, next_value
from aegisgen.yaml.source import parse

_BOM = "\ufeff"
_MAX_LINES = 50
_BROKEN = "cannot be edited without breaking the file (an anchor in it that is used elsewhere?)"


class _File(Record):
    data: dict[str, object]
    layout: Layout


def wire(text: str, source: str, wanted: Wiring, *, remove: Collection[str] = (), stated: Stated | None = None) -> str:
    r"""Return the text of a kustomization.yaml with the wanted entries and values; `source` names the file in errors.

    A missing entry goes to the end of its list, in the list's own style (a flow list stays a flow list), and a missing
    list to the end of the document. A patch with a wanted path and another target is replaced. Items of `resources` and
    `patches` whose path is in `remove` go, unless that list wants them; a block list that is left empty goes with its
    key (or stays as `[]` where a comment stands between), a flow list stays as `[]`. What is `stated` becomes true in
    its place. Every other byte stays, and where everything is right the text itself is returned.

    Raises InputError with the lines to add by hand where the file cannot be edited safely: not YAML, several documents,
    a list that is an alias or comes from a merge key, or a result that would not read back as exactly this change.

    >>> print(wire("resources:\n- base\n", "kustomization.yaml", Wiring(("job.yaml",), ())), end="")
    resources:
    - base
    - job.yaml
    """
    mark = _BOM if text.startswith(_BOM) else ""
    current = text.removeprefix(_BOM)
    data: dict[str, object] = {}
    field, place = "", 0
    try:
        file = original = _read(current)
        data = original.data
        while change := next_change(file.data, wanted, remove):
            field, place = change.key, _place(original.layout, change.key)
            file = _apply(file, change)
        while stated and (value := next_value(file.data, stated)):
            field, place = str(value.path[0]), _place(original.layout, str(value.path[0]))
            file = _put(file, value)
    except UnsafeError as error:
        found = [_problem(current, source, field, place or error.index, error.reason)]
    except InputError as error:
        found = [replace(problem, path=source) for problem in error.problems]
    else:
        return text if file.layout.text == current else mark + file.layout.text
    advice = entries.by_hand(_missing(data, wanted), _present(data, remove))
    if stated and (untrue := _by_hand(data, stated)):
        advice = "\nand ".join(filter(None, [advice, f"set by hand:\n{untrue}"]))
    if advice:
        found[-1] = replace(found[-1], message=f"{found[-1].message}; {advice}")
    raise InputError(*found) from None


def _read(text: str) -> _File:
    """Read a text without byte order mark; UnsafeError or InputError where it is not one mapping."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnsafeError("a lone surrogate, expected UTF-8 text", error.start) from None
    documents = list(parse(text, ""))
    if problems := [document for document in documents if isinstance(document, Problem)]:
        raise InputError(*problems)
    try:
        layout = read(text)
    except yaml.YAMLError as error:  # what is blank to `parse` and an error to libyaml, such as `...` alone
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        raise UnsafeError("not valid YAML", mark.index if mark else 0) from None
    if layout.root is None:
        return _File({}, layout)
    data = documents[0].data if documents and not isinstance(documents[0], Problem) else None
    if not isinstance(data, dict):
        raise UnsafeError("expected a mapping with resources and patches", layout.root.start)
    return _File(data, layout)


def _apply(file: _File, change: Change) -> _File:
    layout = file.layout
    if change.key in file.data and layout.pair(change.key) is None:
        raise UnsafeError("comes from a merge key or an alias, expected a list of its own")
    text = splice(layout.text, edits_for(layout, change))
    try:
        after = _read(text)
    except (UnsafeError, InputError):
        raise UnsafeError(_BROKEN) from None
    # By their repr 1, 1.0 and true differ, and not-a-number is itself.
    if repr(after.data) not in _expected(file.data, change) or not _survive(layout, change, text):
        raise UnsafeError("cannot be edited without changing more than aegisgen's entries")
    return after


def _put(file: _File, value: Value) -> _File:
    first = str(value.path[0])
    if first in file.data and file.layout.pair(first) is None:
        raise UnsafeError("comes from a merge key or an alias, expected a value of its own")
    try:
        after = _read(splice(file.layout.text, value_edits(file.layout, value)))
    except InputError:
        raise UnsafeError(_BROKEN) from None
    if after.data != applied(file.data, value):
        raise UnsafeError("cannot be edited without changing more than the value")
    return after


def _by_hand(data: dict[str, object], stated: Stated) -> str:
    """Return what is not as stated, as lines to write."""
    lines_to_write: list[str] = []
    while (value := next_value(data, stated)) and len(lines_to_write) < _MAX_LINES:
        *above, last = map(str, value.path)
        if value.value is not None:
            field = ".".join([*above, value.key or last])
            lines_to_write.append(f"  {field}: {entries.flow(value.value, quote=False)}")
        if value.key or value.value is None:
            lines_to_write.append(f"  {'.'.join([*above, last])}: (remove it)")
        data = applied(data, value)
    return "\n".join(lines_to_write)


def _expected(data: dict[str, object], change: Change) -> Collection[str]:
    items = list(items_of(data, change.key))
    written = [] if change.entry is None else [entries.as_data(change.entry)]
    if change.item is None:
        items += written
    else:
        items[change.item : change.item + 1] = written
    results = [{**data, change.key: items}]
    if not items:
        results.append({key: value for key, value in data.items() if key != change.key})
    return [repr(result) for result in results]


def _survive(layout: Layout, change: Change, after: str) -> bool:
    """Whether all lines that the change does not concern are in the result, in order."""
    first, last = _concerned(layout, change)
    remaining = iter(lines(after))
    start = 0
    for line in lines(layout.text):
        end = start + len(line)
        concerned = first < max(end, start + 1) and start < last
        if not concerned and line not in remaining:
            return False
        start = layout.after_break(end) or end
    return True


def _concerned(layout: Layout, change: Change) -> tuple[int, int]:
    """Return from where to where the text may change; an empty range where lines are only added."""
    pair, root = layout.pair(change.key), layout.root
    if pair is None:
        return (root.children[-1].start if root.children else root.start, root.end) if root and _flow(root) else (0, 0)
    key, value = pair
    if value.kind != "list" or _flow(value):
        return key.start, value.end
    if change.item is None:
        return 0, 0
    item = value.children[change.item]
    if change.entry is None and len(value.children) == 1:  # the key may go, and a blank line above
        return layout.before_break(layout.line_start(key.start)), layout.content_end(item)
    return layout.dash(item), layout.content_end(item)


def _flow(node: Node) -> bool:
    return node.style == "flow"


def _missing(data: dict[str, object], wanted: Wiring) -> Wiring:
    return Wiring(
        tuple(path for path in wanted.resources if path in absent(items_of(data, "resources"), wanted.resources)),
        tuple(patch for patch in wanted.patches if patch in absent(items_of(data, "patches"), wanted.patches)),
    )


def _present(data: dict[str, object], remove: Collection[str]) -> set[str]:
    listed = {entries.path_of(item) for key in ("resources", "patches") for item in items_of(data, key)}
    return {path for path in remove if not data or entries.path_of(path) in listed}


def _place(layout: Layout, key: str) -> int:
    """Return where the value of a key stands, in the file as the user knows it."""
    pair = layout.pair(key)
    if pair:
        return pair[1].start
    return layout.root.start if layout.root else 0


def _problem(text: str, source: str, field: str, index: int, reason: str) -> Problem:
    line = text.count("\n", 0, index) + 1
    column = index - text.rfind("\n", 0, index)
    return Problem(source, line, column, field, reason)
