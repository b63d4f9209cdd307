"""The operating guide: whether the repository holds it, and fields that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.kube.resource import value_at
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.steps.runbook import People, Runbook
from aegisgen.profile.target import Target

# Folders of the project in which something else lies that aegisgen looks after.
_TAKEN = frozenset({"profiles", "templates", "apps", "overlays"})


def wanted(target: Target) -> bool:
    """Tell whether the repository holds a runbook."""
    runbook = target.settings.runbook
    return isinstance(runbook, Runbook) and runbook.enabled


def people(target: Target) -> People:
    """Return whom to call."""
    runbook = target.settings.runbook
    return runbook.people if isinstance(runbook, Runbook) else People()


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with the place of a service's runbook as it was resolved."""
    if not wanted(target) or not isinstance(target.settings.runbook, Runbook):
        return
    place = ("runbook", "path")
    path = target.settings.runbook.path
    for layer in layers:
        named = value_at(layer.data, place)
        if not isinstance(named, str):
            continue
        # Which of the two names the layer cannot know: it speaks for several services, environments or both.
        names = {"{environment}": layer.path[0] != "spec", "{service}": "services" not in layer.path}
        for name in (name for name, many in names.items() if many and name not in named):
            yield problem([layer], place, f"one file for several of them, expected {name} in it")
    bare = path.replace("{environment}", "").replace("{service}", "")
    if "{" in bare or "}" in bare:
        yield problem(layers, place, "braces stand for {environment} and {service} only")
    if path.partition("/")[0] in _TAKEN or path.startswith((f"{target.directory}/", f"{target.base}/")):
        yield problem(layers, place, "in a folder that holds something else, expected one such as runbooks/")
