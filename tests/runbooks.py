"""What the tests of runbooks share: the commands in one, and the names that they name."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

# Options of kubectl that take the next word, as far as runbooks use them.
_TAKES = {"-n", "-c", "-o", "-f", "--type", "--patch", "--filename"}


class Command(NamedTuple):
    """One kubectl command: its words, and what it names."""

    line: str
    verb: str
    namespace: str
    container: str
    names: tuple[str, ...]
    """kind/name of each object that is named."""


def fences(markdown: str, language: str = "sh") -> list[str]:
    """The contents of fenced blocks."""
    return re.findall(rf"^```{language}\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)


def spans(markdown: str) -> list[str]:
    """The code spans outside of fences."""
    outside = re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", outside)


def lines(markdown: str) -> list[str]:
    """Each command of the shell, those in the text included; the body of a heredoc belongs to none."""
    text = "\n".join(fences(markdown))
    text = re.sub(r"(<<'YAML')\n.*?^YAML$", r"\1", text, flags=re.MULTILINE | re.DOTALL)
    found = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return found + [span for span in spans(markdown) if span.startswith(("kubectl ", "argocd ", "aegisgen "))]


def kubectl(markdown: str) -> list[Command]:
    """Every kubectl command, those inside of others included."""
    found = []
    for line in lines(markdown):
        for match in re.finditer(r"(?<![-\w])kubectl ", line):
            words = shlex.split(_one(line[match.start() :]))
            if len(words) > 3:
                found.append(_command(line, words))
    return found


def _one(text: str) -> str:
    """Cut off what follows the first command: a pipe, a heredoc, or the end of the substitution it stands in."""
    quoted = False
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "|<)":
            return text[:index]
    assert not quoted, text
    return text


def _command(line: str, words: list[str]) -> Command:
    words = words[: words.index("--")] if "--" in words else words
    options: dict[str, str] = {}
    rest: list[str] = []
    skip = False
    for index, word in enumerate(words[1:], start=1):
        if skip:
            skip = False
        elif word in _TAKES:
            options[word], skip = words[index + 1], True
        elif word.startswith("-"):
            options.update([word.partition("=")[::2]])
        else:
            rest.append(word)
    verb = rest.pop(0)
    if verb == "rollout":
        verb = f"rollout {rest.pop(0)}"
    names = tuple(word.replace("svc/", "service/") for word in rest if "/" in word and ":" not in word)
    if not names and len(rest) > 1 and "," not in rest[0] and verb in {"get", "describe", "delete", "patch"}:
        names = (f"{rest[0]}/{rest[1]}",)
    if not names and verb in {"logs", "exec"} and rest:
        names = (f"pod/{rest[0]}",)
    selected = re.search(r"batch\.kubernetes\.io/job-name=(\S+)", options.get("--selector", ""))
    if selected:
        names = (f"job/{selected[1]}",)
    return Command(line, verb, options.get("-n", ""), options.get("-c", ""), names)
