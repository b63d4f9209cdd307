"""What a build would fetch, run, or read outside of the tree, found before Kustomize is started.

Source: the fields of `types.Kustomization` and the loaders behind them in Kustomize 5.8 (api/types, api/internal). Its
file loader fetches whatever begins with http: or https:, in every field that names a file. In fields that name a
folder, what is not there may be a repository's address.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from aegisgen import files
from aegisgen.errors import CompositionError, Problem
from aegisgen.kube.kustomization import MAX_LAYERS, Layer, Place
from aegisgen.kube.overlay import MAX_FILE_BYTES, Overlay, read_overlay
from aegisgen.kube.shape import KUSTOMIZATION_DATA, KUSTOMIZATION_NAMES, mapping
from aegisgen.yaml.scalars import Dialect
from aegisgen.yaml.source import Document, documents, parse

_NO_FILES = KUSTOMIZATION_DATA | {"buildMetadata"}
_NO_FILES_BELOW = frozenset({"literals", "options", "patch", "target", "targets", "source", "name", "valuesInline"})
_BASES = frozenset({"resources", "bases", "components"})
_PLUGINS = frozenset({"generators", "transformers", "validators"})
# In a plug-in's configuration, which may hold anything, these name files or addresses.
_PLUGIN_FILES = frozenset({"path", "paths", "files", "envs", "env", "repo", "valuesFile", "additionalValuesFiles"})
_FUNCTIONS = ("config.kubernetes.io/function", "config.k8s.io/function")
_UNFETCHED = "is not fetched: aegisgen composes without a network; vendor it"
_FETCHED = re.compile(r"https?:", re.IGNORECASE)
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*://|git::|gh:|[\w.-]+@[\w.-]+:|(?:www\.)?(?:github|gitlab|bitbucket)\.\w+[/:]"
    r"|.*[?&](?:ref|version|timeout|submodules)=|[\w-]+(?:\.[\w-]+)+(?::\d+)?/.*(?:\.git|_git/)",
    re.IGNORECASE,
)


def refuse(overlay: Overlay) -> None:
    """Raise CompositionError for what a build would fetch or run, and for what cannot be read well enough to tell.

    Raises UnsafeFileError for a file that leads out of the tree, or is none that may be read.
    """
    _refuse(overlay, frozenset())


def _refuse(overlay: Overlay, above: frozenset[str]) -> None:
    """`above`: the folders of plug-ins that lead here."""
    for problem in overlay.problems:
        if not problem.field and posixpath.basename(problem.path) in KUSTOMIZATION_NAMES:
            raise CompositionError(problem)
    if len(overlay.layers) >= MAX_LAYERS:
        raise CompositionError(Problem(overlay.directory, 0, 0, "", f"more than {MAX_LAYERS} kustomizations"))
    for layer in overlay.layers:
        document = layer.kustomization
        for name in mapping(document.data).keys() - _NO_FILES:
            for place in _names(Place(document, (name,)), _NO_FILES_BELOW):
                _refuse_name(place, layer, above, plugin=name in _PLUGINS)
        if above:  # what this composes to is the configuration of plug-ins
            patches = (*layer.strategic, *layer.patches, *layer.json6902)
            _refuse_plugins((item.document for item in layer.resources if isinstance(item, Place)), None, frozenset())
            _refuse_plugins((document for patch in patches for document in patch.content), None, frozenset())


def _names(place: Place, left_out: frozenset[str]) -> Iterator[Place]:
    """Yield the places of the texts below a place that may be names of files or addresses."""
    value = place.value
    if isinstance(value, str):
        yield place
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from _names(place.at(index), left_out)
    elif isinstance(value, dict):
        for key in value:
            if key not in left_out:
                yield from _names(place.at(key), left_out)


def _refuse_name(place: Place, layer: Layer, above: frozenset[str], *, plugin: bool) -> None:
    name = str(place.value)
    if "\n" in name:
        if plugin:
            _refuse_plugins(parse(name, place.source, Dialect.KUSTOMIZE), place)
        return
    name = name.rpartition("=")[2] if "files" in place.path and not _FETCHED.match(name) else name
    file = posixpath.normpath(posixpath.join(layer.directory, name))
    if _FETCHED.match(name) or (_ADDRESS.match(name) and not os.path.lexists(file)):
        what = "the remote base " if place.path[0] in _BASES else ""
        raise CompositionError(place.problem(f"{what}{name} {_UNFETCHED}"))
    files.probe(file, MAX_FILE_BYTES)
    if plugin and os.path.isdir(file) and file not in above:  # noqa: PTH112
        _refuse(read_overlay(Path(file)), above | {file})
    elif plugin and os.path.isfile(file):  # noqa: PTH113
        _refuse_plugins(documents(files.read(file, MAX_FILE_BYTES), file, Dialect.KUSTOMIZE), None)


def _refuse_plugins(
    configuration: Iterable[Document | Problem], inline: Place | None, files_in: frozenset[str] = _PLUGIN_FILES
) -> None:
    """Refuse what the configuration of plug-ins would fetch or run.

    `inline`: where it stands in a kustomization. `files_in`: the fields that name files; empty: any may.
    """
    for document in configuration:
        if isinstance(document, Problem):
            raise CompositionError(document)
        annotations = mapping(mapping(mapping(document.data).get("metadata")).get("annotations"))
        for place in _names(Place(document), frozenset()):
            named = not files_in or not files_in.isdisjoint(map(str, place.path))
            if named and _FETCHED.match(str(place.value)):
                raise CompositionError((inline or place).problem(f"{place.value} {_UNFETCHED}"))
        if not annotations.keys().isdisjoint(_FUNCTIONS):
            message = "a function is a program or a container, and aegisgen runs none"
            raise CompositionError((inline or Place(document)).problem(message))
