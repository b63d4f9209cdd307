"""Secrets in plain text in a project file or profile: the file is in git, and what was in git once stays there."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.kube.credentials import secret_option, secret_text, secret_value
from aegisgen.yaml.source import Document

_Path = tuple[str | int, ...]

IN_GIT = (
    "looks like a secret, and this file is in git; expected only the name of a key: "
    "list it under database.secret.keys and keep the value in the Secret"
)


def plain_secrets(document: Document) -> Iterator[Problem]:
    """Yield a problem for each secret that a document holds, in any field; the problem does not repeat the value."""
    for path in _places(document.data, ()):
        line, column = document.position(path)
        yield Problem(document.source, line, column, ".".join(map(str, path)), IN_GIT)


def _places(value: object, path: _Path) -> Iterator[_Path]:
    if isinstance(value, str):
        if secret_value(str(path[-1]), value) if _is_variable(path) else secret_text(value):
            yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            if secret_text(str(key)):
                yield path  # the key is the secret, and must not be repeated either
            else:
                yield from _places(item, (*path, key))
    elif isinstance(value, list):
        inside = [place for index, item in enumerate(value) for place in _places(item, (*path, index))]
        if not inside and secret_option(" ".join(item for item in value if isinstance(item, str))):
            yield path  # the words of a command
        yield from inside


def _is_variable(path: _Path) -> bool:
    """Tell whether a path leads to the value of a variable, so that its name says what it is."""
    above, field = (("", "", *path))[-3:-1]
    return (field == "config" and above != "database") or (above, field) in {("migrations", "env"), ("dryRun", "env")}
