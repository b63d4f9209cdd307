"""What a profile says about the operating guide: whether the repository holds it, and who does what."""

from typing import Annotated

from msgspec import UNSET, UnsetType, field

from aegisgen.profile.base import Model, about, matching
from aegisgen.profile.types import Line

PATH = "runbooks/{environment}-{service}.md"
"""Where a runbook is unless somebody says otherwise."""

_Path = Annotated[
    str,
    matching(
        "a path below the project's folder, in a folder, that ends in .md or .html",
        r"(?!/)(?!(?:[\s\S]*/)?\.\.?(?:/|(?![\s\S])))[^\u0000-\u001f\u007f\\]+/[^\u0000-\u001f\u007f\\/]+"
        r"\.(?:md|html)",
        max_length=400,
    ),
]


class People(Model, frozen=True, kw_only=True):
    """Whom to call, in words of your own such as a channel or a rota."""

    on_call: Annotated[Line | UnsetType, about("Looks first, and may sync and roll back.")] = UNSET
    developers: Annotated[Line | UnsetType, about("Write the migrations, and fix them.")] = UNSET
    approvers: Annotated[Line | UnsetType, about("Let a sync begin.")] = UNSET
    database: Annotated[Line | UnsetType, about("May end sessions and restore backups.")] = UNSET
    platform: Annotated[Line | UnsetType, about("Look after cluster, Secrets and Argo CD.")] = UNSET


class Runbook(Model, frozen=True, kw_only=True):
    """The operating guide of the service, rendered into the repository and checked for drift like the overlays."""

    enabled: Annotated[bool, about("false takes it back where a weaker layer turned it on.")] = True
    path: Annotated[
        _Path,
        about(
            "Where it is, from the project's folder; {environment} and {service} stand for those names. "
            "It ends in .md or .html.",
            PATH,
        ),
    ] = PATH
    people: People = field(default_factory=People)
