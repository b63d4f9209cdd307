"""kubeconform as a second opinion, on the bundled schemas alone: it is never let near the network.

Its verdicts come back as the same violations, in the same words, as those of `schemas.violations`. What it cannot judge
gets that first opinion: the envelope of a List, which it takes apart unseen, and what its YAML reader gives up on.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from aegisgen.bundle import bundled, program
from aegisgen.errors import ToolError
from aegisgen.kube.resource import pointed
from aegisgen.kube.schemas import judge, list_items, load, schema_of, unreadable
from aegisgen.kube.violations import Fault, Place, Violation, explain
from aegisgen.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from subprocess import CompletedProcess

    from aegisgen.yaml.source import Document

_HINT = "install it with: go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"
_OLDEST = (0, 7)  # the first whose messages name every place; older ones name the outermost only
_TIMEOUT = 300.0
_FOLDERS = ("kubernetes/v{version}", "argocd", "external-secrets", "monitoring")
# JSON is YAML only without these: go-yaml refuses them raw, or folds them as line breaks.
_NOT_YAML = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
# Messages that come before any schema is looked at
_UNREAD = ("error unmarshalling resource", "error while parsing")

# Go's %q between single quotes (santhosh-tekuri/jsonschema v6, kind package)
_QUOTED = r"'(?:[^'\\]|\\.)*'"
_PREFIX = re.compile(rf".*?jsonschema validation failed with {_QUOTED}")
_ENTRY = re.compile(rf" +- at (?P<place>{_QUOTED}): (?P<what>(?:[^' ]|{_QUOTED}| (?! *- at '))*)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class _Object(Record):
    document: int
    prefix: Place
    data: Mapping[str, object]
    schema: Path


def run(documents: Sequence[Document], *, version: str, jobs: int = 2) -> list[list[Violation] | None]:
    """Judge documents by kubeconform; one entry each, in their order, None for one without a bundled schema.

    ToolError where kubeconform is missing, too old, too slow or beside itself; UsageError for a Kubernetes version that
    the bundle does not cover.
    """
    objects = [item for index, document in enumerate(documents) for item in _objects(index, (), document.data, version)]
    asked = [item for item in objects if item.schema.name != "list-v1.json" and not any(unreadable(item.data))]
    replies = _ask([item.data for item in asked], version, jobs) if asked else []
    answers = {(item.document, item.prefix): faults for item, faults in zip(asked, replies, strict=True)}
    results: list[list[Violation] | None] = [None] * len(documents)
    for item in objects:
        faults = answers.get((item.document, item.prefix))
        judged = judge(item.schema, item.data) if faults is None else explain(load(item.schema), item.data, faults)
        result = results[item.document] or []
        result = result + [Violation(item.prefix + path, message) for path, message in judged]
        results[item.document] = list(dict.fromkeys(result))
    return results


def _objects(document: int, prefix: Place, data: object, version: str) -> Iterator[_Object]:
    """Yield what `data` holds a schema for: the object itself, and those of a List."""
    if isinstance(data, dict) and (schema := schema_of(data, version)):
        yield _Object(document, prefix, data, schema)
        for place, item in list_items(data):
            yield from _objects(document, prefix + place, item, version)


def _ask(objects: Sequence[Mapping[str, object]], version: str, jobs: int) -> list[list[Fault] | None]:
    """Return the faults of each object; None where kubeconform could not read it."""
    import tempfile  # noqa: PLC0415  (only where kubeconform is wanted)

    _check_version()
    with tempfile.TemporaryDirectory(prefix="aegisgen-") as folder:
        for number, data in enumerate(objects):
            Path(folder, f"{number}.yaml").write_text(_as_yaml(data), encoding="utf-8")
        arguments = ["-strict", "-ignore-missing-schemas", "-verbose", "-output", "json", "-n", str(jobs)]
        run = _call([*arguments, *_locations(version), folder])
    answers = dict(_answers(run))
    if sorted(answers) != list(range(len(objects))):
        raise _nonsense("it did not answer for every document once")
    return [_faults(*answers[number], data) for number, data in enumerate(objects)]


def _as_yaml(data: Mapping[str, object]) -> str:
    # Characters beyond U+FFFF stay raw: go-yaml does not join the two halves that json would escape them to.
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(data, ensure_ascii=False))


def _locations(version: str) -> list[str]:
    root = bundled("schemas")
    templates = [
        f"{folder.format(version=version)}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json" for folder in _FOLDERS
    ]
    templates.append("kustomize/{{.ResourceKind}}.json")
    return [argument for template in templates for argument in ("-schema-location", f"{root}/{template}")]


@cache
def _check_version() -> None:
    version = _call(["-v"]).stdout.strip()
    numbers = re.match(r"v?(\d+)\.(\d+)", version)  # a build by `go install` says "development"
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST:
        message = f"kubeconform {version} is too old, 0.7.0 or newer is needed; {_HINT}"
        raise ToolError(message)


def _call(arguments: list[str]) -> CompletedProcess[str]:
    import subprocess  # noqa: PLC0415  (10 ms, and only where kubeconform is wanted)

    kubeconform = program("kubeconform")
    if kubeconform is None:
        raise ToolError(f"kubeconform not found, {_HINT}")
    try:
        return subprocess.run(
            [kubeconform, *arguments], capture_output=True, encoding="utf-8", timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        message = f"kubeconform did not finish within {_TIMEOUT:.0f} seconds"
        raise ToolError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"kubeconform cannot be run: {error}"
        raise ToolError(message) from None


def _answers(run: CompletedProcess[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    try:
        for answer in json.loads(run.stdout)["resources"]:
            yield int(Path(answer["filename"]).stem), (str(answer["status"]), str(answer["msg"]))
    except (ValueError, KeyError, TypeError):
        detail = run.stderr.strip().splitlines()
        raise _nonsense(detail[0] if detail else f"exit code {run.returncode}") from None


def _faults(status: str, message: str, data: Mapping[str, object]) -> list[Fault] | None:
    if status == "statusValid":
        return []
    if status == "statusInvalid":
        return list(_parsed(message, data))
    if status == "statusError" and message.startswith(_UNREAD):
        return None
    raise _nonsense(f"{status} {message[:200]}")


def _parsed(message: str, data: Mapping[str, object]) -> Iterator[Fault]:
    start = _PREFIX.match(message)
    position = start.end() if start else -1
    while position != len(message):
        entry = _ENTRY.match(message, position) if start else None
        if entry is None:
            raise _nonsense("a message of an unknown form")
        position = entry.end()
        if entry["what"] != "validation failed":  # a heading; its reasons follow
            yield _fault(_place(_unquoted(entry["place"]), data), entry["what"])


def _fault(path: Place, what: str) -> Fault:
    if what.startswith(("missing propert", "additional propert")):
        keyword = "required" if what.startswith("missing") else "additionalProperties"
        return Fault(path, keyword, tuple(_unquoted(name) for name in re.findall(_QUOTED, what)))
    limit = re.match(r"(m(?:in|ax)\w+): ", what)
    if limit:
        return Fault(path, limit[1])
    for beginning, keyword in (("got ", "type"), ("value must be ", "enum"), ("'", "pattern")):
        if what.startswith(beginning):
            return Fault(path, keyword)
    return Fault(path, "other")


def _place(pointer: str, data: object) -> Place:
    """Follow a JSON pointer through `data`, which alone tells an index from a key."""
    path: Place = ()
    for part in pointed(pointer):
        if isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            path, data = (*path, int(part)), data[int(part)]
        elif isinstance(data, dict) and part in data:
            path, data = (*path, part), data[part]
        else:
            raise _nonsense("a place that does not exist")
    return path


def _unquoted(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _LETTERS.get(match[4], match[4])

    return _ESCAPE.sub(character, text[1:-1])


def _nonsense(detail: str) -> ToolError:
    return ToolError(f"kubeconform's output makes no sense ({detail}); is it 0.7.0 or newer? {_HINT}")
