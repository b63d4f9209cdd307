"""A rule's example as the build that it stands for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from aegisgen.kube.overlay import overlay_of
from aegisgen.kube.resource import Resource, resources_in
from aegisgen.rules.context import Context, Settings, context_of, deploying
from aegisgen.rules.neighbours import is_generated
from aegisgen.yaml.source import parse

_FILE = re.compile(r"^# file: (?P<path>\S+)\n", re.MULTILINE)
_LEVEL = re.compile(r"^# podSecurity: restricted$", re.MULTILINE)


def files_of(example: str) -> dict[str, str]:
    """Return the files of an example; one without a `# file:` line is a single manifest."""
    parts = _FILE.split(example)
    if len(parts) == 1:
        return {"manifest.yaml": example}
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def context_of_example(example: str) -> Context:
    """Read an example without touching a file: its overlay, or its directory of plain manifests, and Applications."""
    files = files_of(example)
    settings = Settings(pod_security="restricted" if _LEVEL.search(example) else "baseline")
    directory = next((d for path in files if (d := posixpath.dirname(path)) in {"overlay", "deploy"}), "")
    resources = _resources({path: text for path, text in files.items() if posixpath.dirname(path) == directory})
    others = _resources({path: text for path, text in files.items() if posixpath.dirname(path) == "apps"})
    if directory != "overlay":
        return context_of(resources, applications=deploying(directory, others), settings=settings)
    overlay = overlay_of({path: text.encode() for path, text in files.items()}.get, directory)
    own = (path for path in files if posixpath.dirname(path) == directory)
    generated = [path for path in own if is_generated(files[path])]
    composed = [member.identity for member in overlay.members]
    built = [resource for resource in resources if resource.identity in composed]
    return context_of(built, overlay=overlay, generated=generated, settings=settings)


def _resources(files: Mapping[str, str]) -> list[Resource]:
    return resources_in(document for path, text in files.items() for document in parse(text, path))
