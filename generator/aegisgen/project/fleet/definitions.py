"""Which services are described otherwise than they were: project file, included files and profiles, then and now."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence

from aegisgen.errors import InputError
from aegisgen.kube.shape import mapping
from aegisgen.profile.include import includes
from aegisgen.profile.sources import ProfileSource, ProjectSource
from aegisgen.project.fleet.changed import Changed
from aegisgen.record import Record
from aegisgen.yaml.source import Document, parse_one

Contents = Callable[[list[str]], Mapping[str, bytes | None]]

PROFILES = "profiles"
_MOVED = "'overlay': "


class _Definition(Record):
    """What a file says of its services, and of all of them; as text, in which the order of keys shows."""

    common: str
    services: dict[str, str]


_NOTHING = _Definition("", {})


def redefined(
    project: ProjectSource, profiles: Sequence[ProfileSource], changed: Changed, contents: Contents
) -> set[str] | None:
    """Return the services of which anything is said otherwise than before; None: what changed may concern all of them.

    `contents` gives what files held before.
    """
    now = dict(_documents(project, profiles))
    paths = {path for path in now if changed.touches(path)}
    # An environment, or a file of services, that is not there any more.
    gone = {path for path in changed.paths if path not in now and _is_definition(project, path)}
    services: set[str] = set()
    before = contents(sorted(paths | gone))
    for path, raw in before.items():
        file = _file(project)
        if raw is None and (path == file or path.startswith(f"{PROFILES}/")):
            return None
        try:
            then = _definition(parse_one(raw, path), path, file) if raw is not None else _NOTHING
        except InputError:
            return None
        here = _definition(now[path], path, file) if path in now else _NOTHING
        names = then.services.keys() | here.services.keys()
        if then.common == here.common:
            names = {name for name in names if then.services.get(name) != here.services.get(name)}
        elif path == file or path.startswith(f"{PROFILES}/"):
            return None
        if any(
            _MOVED in text
            for definition in (then, here)
            for text in (definition.common, *map(definition.services.get, names))
            if text
        ):
            return None  # generated files may lie where only the former file says
        services |= names
    return services


def _documents(project: ProjectSource, profiles: Sequence[ProfileSource]) -> Iterator[tuple[str, Document]]:
    yield _file(project), project.document
    top = os.path.abspath(project.root)  # noqa: PTH100 - resolve() would follow links
    for document in {id(document): document for document in project.included.values()}.values():
        yield posixpath.relpath(os.path.abspath(document.source), top), document  # noqa: PTH100
    for profile in profiles:
        yield profile.path, profile.document


def _file(project: ProjectSource) -> str:
    return posixpath.basename(project.document.source)


def _is_definition(project: ProjectSource, path: str) -> bool:
    if posixpath.dirname(path) == PROFILES and path.endswith(".yaml"):
        return True
    return any(includes(pattern, path) for pattern in project.value.include)


def _definition(document: Document, path: str, project_file: str) -> _Definition:
    """Take a file apart. `repr` tells 1 from true and from 1.0, and one order of keys from another."""
    data = mapping(document.data)
    if path == project_file or not path.startswith(f"{PROFILES}/"):
        services = mapping(data.get("services"))
        common: object = {key: value for key, value in data.items() if key != "services"}
    else:
        spec = mapping(data.get("spec"))
        services = mapping(spec.get("services"))
        common = {**data, "spec": {key: value for key, value in spec.items() if key != "services"}}
    return _Definition(repr(common), {name: repr(value) for name, value in services.items()})
