"""What has to be known before a project can be written, and how each answer may look."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from aegisgen.errors import UsageError
from aegisgen.profile.types import DnsLabel, DnsName, ImageName, ImageTag, NamePrefix, Port, RelativePath, Strategy
from aegisgen.record import Record
from aegisgen.tools import Runtime, ToolName

_NUMBER = re.compile(r"[0-9]{1,9}\Z")
_END = r"(?![\s\S])"
_Name = Annotated[
    str,
    Meta(
        title="a DNS-1035 label: lower-case letters, digits and '-', a letter first, at most 63 characters",
        pattern=r"^[a-z](?:[a-z0-9-]*[a-z0-9])?" + _END,
        max_length=63,
    ),
]
_Host = Annotated[
    str,
    Meta(
        title="a host's name or address",
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?" + _END,
        max_length=253,
    ),
]
_Command = Annotated[
    str, Meta(title="a command's words on one line", pattern=r"^[^\u0000-\u001f\u007f-\u009f]+" + _END)
]
_Kind = Literal["Deployment", "StatefulSet", "DaemonSet"]
_Manager = Literal["pnpm", "npm", "yarn"]

# How each answer may look; a name with a Service of its own must begin with a letter.
FORMS: dict[str, object] = {
    "service": DnsLabel,
    "image": ImageName,
    "kind": _Kind,
    "workload": _Name,
    "container": DnsLabel,
    "port": Port,
    "tool": ToolName,
    "package-manager": _Manager,
    "path": RelativePath,
    "ping": _Command,
    "status": _Command,
    "migrate": _Command,
    "lock": Runtime,
    "config": DnsName,
    "secret": DnsName,
    "strategy": Strategy,
    "namespace": DnsLabel,
    "prefix": NamePrefix,
    "tag": ImageTag,
    "database-host": _Host,
    "environment": DnsLabel,
}


class Environment(Record):
    """One environment of the project."""

    name: str
    strategy: str
    namespace: str
    prefix: str
    tag: str
    database_host: str


class Answers(Record):
    """All answers; `by_question` has those only that concern this tool and this base."""

    by_question: dict[str, str]
    environments: tuple[Environment, ...]
    guessed: tuple[str, ...]
    """The questions that nobody answered and no clue did: a person should look at these."""


def wrong(question: str, answer: str) -> str:
    """Say what is wrong with an answer, nothing where it is right."""
    form = FORMS[question]
    try:
        msgspec.convert(int(answer) if form is Port and _NUMBER.match(answer) else answer, form)
        fits = form is not _Command or bool(shlex.split(answer))
    except ValueError:  # msgspec's error is one; shlex finds a quote that is not closed
        fits = False
    return "" if fits else f"{answer!r} is not {_expected(form)}"


def right(question: str, answer: str, flag: str) -> str:
    """Return an answer that was given by a flag. Raises UsageError where it is none."""
    if message := wrong(question, answer):
        raise UsageError(f"{flag}: {message}; nothing was written")
    return answer


def choices(question: str) -> tuple[str, ...]:
    """Return the words of which an answer must be one; none where it is free."""
    form = FORMS[question]
    return tuple(map(str, get_args(form))) if not hasattr(form, "__metadata__") else ()


def _expected(form: object) -> str:
    metadata = getattr(form, "__metadata__", ())
    titles = [each.title for each in metadata if isinstance(each, Meta) and each.title]
    return titles[0] if titles else " or ".join(map(str, get_args(form)))
