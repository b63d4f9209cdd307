"""What a container's command line does, command by command, as far as that can be read without running it. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from aegisgen.kube.shape import sequence, text
from aegisgen.record import Record

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_OPERATOR = re.compile(r"[;&|()<>]+\Z")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_OPENING = frozenset({"if", "while", "until", "for", "case"})
_CLOSING = frozenset({"fi", "done", "esac"})
_STRUCTURE = _OPENING | _CLOSING | {"then", "else", "elif", "do", "!", "{", "}", "exec", "command", "time"}
# In a container's command Kubernetes expands $(NAME), where a shell says ${NAME}.
_EXPANDED = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class Command(Record):
    """One command of a script.

    `line` counts the script's lines from 0. `cwd` is where a `cd` before it went. `waiting`: it is what a loop waits
    for. `conditional`: something else decides whether it runs, or its failure is ignored.
    """

    words: tuple[str, ...]
    line: int = 0
    cwd: str = ""
    waiting: bool = False
    conditional: bool = False

    @property
    def text(self) -> str:
        """The command as a shell reads it, variables left to be expanded."""
        return " ".join(map(quote, self.words))


class Script(Record):
    """All commands, in order; `unread` are the lines that this reader does not understand."""

    commands: tuple[Command, ...]
    unread: tuple[tuple[int, str], ...] = ()


def quote(word: str) -> str:
    """Quote a word for a shell, in such a way that its variables are expanded."""
    if "$" not in word:
        return shlex.quote(word)
    return '"' + re.sub(r'([\\"`])', r"\\\1", word) + '"'


def script_of(container: Mapping[str, object]) -> Script:
    """Return what a container runs, of its `command` and `args`; its image's entrypoint counts for nothing."""
    words = [
        _EXPANDED.sub(r"${\1}", text(word)) for field in ("command", "args") for word in sequence(container.get(field))
    ]
    shell = next((index for index, word in enumerate(words) if word.rpartition("/")[2] in _SHELLS), None)
    if shell is not None and all(_is_wrapper(word) for word in words[:shell]):
        for index, word in enumerate(words[shell + 1 :], start=shell + 1):
            if re.fullmatch(r"-[a-z]*c", word) and index + 1 < len(words):
                return read_script(words[index + 1])
            if not word.startswith("-") and word not in {"pipefail", "errexit"}:
                break
    return Script((Command(tuple(words)),) if words else ())


def _is_wrapper(word: str) -> bool:
    return word.rpartition("/")[2] in {"tini", "dumb-init", "--", "-g", "exec", "env"}


def read_script(source: str) -> Script:
    """Read a shell script. Nothing raises: what cannot be understood is among the unread lines."""
    commands: list[Command] = []
    unread: list[tuple[int, str]] = []
    blocks: list[str] = []
    cwd = ""
    for line, logical in _logical_lines(source):
        tokens = _tokens(logical)
        if tokens is None:
            unread.append((line, logical.strip()))
            continue
        if any(token.endswith("$") and following.startswith("(") for token, following in pairwise(tokens)):
            if tokens[0] not in _NOISE or not {";", "&&", "||", "|", "&"}.isdisjoint(tokens):
                unread.append((line, logical.strip()))
            continue
        for simple, joined in _simple_commands(tokens):
            words, waiting = _unblocked(simple, blocks)
            if not words:
                continue
            if _ASSIGNMENT.match(words[0]):
                words.insert(0, "env")
            if words[0] == "cd" and len(words) == 2:  # noqa: PLR2004 -- cd and where to
                cwd = words[1] if words[1].startswith("/") or not cwd else f"{cwd}/{words[1]}"
                continue
            if any("$(" in word or "`" in word for word in words) and words[0] not in _NOISE:
                unread.append((line, logical.strip()))
                continue
            commands.append(
                Command(tuple(words), line, cwd, waiting=waiting, conditional=bool(blocks) or joined == "||")
            )
    return Script(tuple(commands), tuple(unread))


# What only says something, or sets the shell up.
_NOISE = frozenset({"echo", "printf", "set", "date", "sleep", "true", ":", "exit", "trap", "shopt", "logger", "false"})


def is_noise(command: Command) -> bool:
    """Tell whether a command does nothing that matters to a database."""
    return command.words[0] in _NOISE or command.words[0] == "[" or command.words[0] == "test"


def _logical_lines(source: str) -> Iterator[tuple[int, str]]:
    """Join lines that a backslash or an open quote continues."""
    pending, start = "", 0
    for number, line in enumerate(source.split("\n")):
        if not pending:
            start = number
        pending += line
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
            continue
        if _tokens(pending) is None and number + 1 < source.count("\n") + 1:
            pending += "\n"
            continue
        if pending.strip():
            yield start, pending
        pending = ""
    if pending.strip():
        yield start, pending


def _tokens(line: str) -> list[str] | None:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return None


def _simple_commands(tokens: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Cut at operators; each command with the operator before it. Redirections are left out."""
    words: list[str] = []
    operator, skip = "", False
    for token in tokens:
        if skip:
            skip = False
        elif _OPERATOR.match(token) and set(token) & set("<>"):
            if words and words[-1].isdigit():
                words.pop()
            skip = True
        elif _OPERATOR.match(token):
            if words:
                yield words, operator
            words, operator = [], token
        else:
            words.append(token)
    if words:
        yield words, operator


def _unblocked(words: list[str], blocks: list[str]) -> tuple[list[str], bool]:
    """Take the words of control structures off a command; say whether it is what a loop waits for."""
    waiting = False
    while words and words[0] in _STRUCTURE:
        word = words.pop(0)
        if word in {"for", "case"}:
            blocks.append(word)
            return [], False
        if word in _OPENING:
            blocks.append(word)
            waiting = word in {"while", "until"}
        elif word in _CLOSING and blocks:
            blocks.pop()
    return words, waiting
