"""What a profile says about the operating guide: whether the repository holds it, and who does what."""

from typing import TYPE_CHECKING, Annotated

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.kube.resource import value_at
from aegisgen.profile.base import Model
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.types import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.errors import Problem
    from aegisgen.profile.resolve import Target

PATH = "runbooks/{environment}-{service}.md"
"""Where a runbook is unless somebody says otherwise."""

# Folders of the project in which something else lies that aegisgen looks after.
_TAKEN = frozenset({"profiles", "templates", "apps", "overlays"})
_Path = Annotated[
    str,
    Meta(
        title="a path below the project's folder, in a folder, that ends in .md or .html",
        pattern=r"^(?!/)(?!(?:[\s\S]*/)?\.\.?(?:/|(?![\s\S])))[^\u0000-\u001f\u007f\\]+/[^\u0000-\u001f\u007f\\/]+"
        r"\.(?:md|html)(?![\s\S])",
        max_length=400,
    ),
]


class People(Model, frozen=True, kw_only=True):
    """Whom to call, in words of your own such as a channel or a rota."""

    on_call: Annotated[Line | UnsetType, Meta(description="Looks first, and may sync and roll back.")] = UNSET
    developers: Annotated[Line | UnsetType, Meta(description="Write the migrations, and mend them.")] = UNSET
    approvers: Annotated[Line | UnsetType, Meta(description="Let a sync begin.")] = UNSET
    database: Annotated[Line | UnsetType, Meta(description="May end sessions and restore backups.")] = UNSET
    platform: Annotated[Line | UnsetType, Meta(description="Look after cluster, Secrets and Argo CD.")] = UNSET


class Runbook(Model, frozen=True, kw_only=True):
    """The operating guide of the service, rendered into the repository and checked for drift like the overlays."""

    enabled: Annotated[bool, Meta(description="false takes it back where a weaker layer turned it on.")] = True
    path: Annotated[
        _Path,
        Meta(
            description="Where it is, from the project's folder; {environment} and {service} stand for those names. "
            "It ends in .md or .html.",
            examples=[PATH],
        ),
    ] = PATH
    people: People = field(default_factory=People)


def wanted(target: "Target") -> bool:
    """Tell whether the repository holds a runbook."""
    runbook = target.settings.runbook
    return isinstance(runbook, Runbook) and runbook.enabled


def people(target: "Target") -> People:
    """Return whom to call."""
    runbook = target.settings.runbook
    return runbook.people if isinstance(runbook, Runbook) else People()


def problems(target: "Target", layers: list[Layer]) -> "Iterator[Problem]":
    """Yield what is wrong with the place of a service's runbook as it was resolved."""
    if not wanted(target) or not isinstance(target.settings.runbook, Runbook):
        return
    place = ("runbook", "path")
    path = target.settings.runbook.path
    for layer in layers:
        said = value_at(layer.data, place)
        if not isinstance(said, str):
            continue
        # Which of the two names the layer cannot know: it speaks for several services, environments or both.
        names = {"{environment}": layer.path[0] != "spec", "{service}": "services" not in layer.path}
        for name in (name for name, many in names.items() if many and name not in said):
            yield problem([layer], place, f"one file for several of them, expected {name} in it")
    bare = path.replace("{environment}", "").replace("{service}", "")
    if "{" in bare or "}" in bare:
        yield problem(layers, place, "braces stand for {environment} and {service} only")
    if path.partition("/")[0] in _TAKEN or path.startswith((f"{target.directory}/", f"{target.settings.base}/")):
        yield problem(layers, place, "in a folder that holds something else, expected one such as runbooks/")
