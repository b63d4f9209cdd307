"""Runs what documents show: the commands of ```console blocks, in order, and compares what they print.

A page begins in an empty folder, or, by a comment such as `<!-- begins with tests/fixtures/guide -->`, with a copy of
one (`... in argocd` puts it into a folder). A folder that a command changes to, and the files that it leaves, are there for the next one. `...` on a line of its
own stands for any lines. A block under `<!-- run by FILE -->` is run by that test instead, and one under `<!-- not run:
REASON -->` is only held against the command line's definition, as are the commands in ```sh blocks.

    python -m tests.console docs/getting-started.md     writes what is printed into the page, for people to review
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n+)?^```(?P<kind>console|sh|bash)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_BEGINS = re.compile(r"^<!-- begins with (\S+)(?: in (\S+))? -->$", re.MULTILINE)


class Command(NamedTuple):
    """A command, its output, and where that stands in the page."""

    line: str
    output: str
    place: tuple[int, int]


class Block(NamedTuple):
    """A block of commands; `mark` is the comment above it."""

    kind: str
    mark: str
    commands: tuple[Command, ...]


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page."""
    for match in _BLOCK.finditer(page):
        start, body = match.start("body"), match["body"]
        if match["kind"] != "console":
            lines = body.replace("\\\n", " ").splitlines()
            yield Block("sh", match["mark"] or "", tuple(Command(line, "", (0, 0)) for line in lines))
            continue
        found = []
        for each in re.finditer(r"^\$ (?P<line>(?:.*\\\n)*.*)\n(?P<output>(?:(?!\$ ).*\n)*)", body, re.MULTILINE):
            place = (start + each.start("output"), start + each.end("output"))
            found.append(Command(each["line"].replace("\\\n", ""), each["output"], place))
        yield Block("console", match["mark"] or "", tuple(found))


class Sandbox:
    """A folder in which the commands of one page run, one after the other, as in one shell."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self._directory, self._code = folder, 0
        self._environment = {
            "PATH": path,
            "HOME": str(folder.parent / "home"),
            "XDG_CACHE_HOME": str(folder.parent / "cache"),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def run(self, line: str) -> str:
        """Run one command and return what it printed, on stdout and stderr alike."""
        state = self.folder.parent / "state"
        script = f"(exit {self._code}); {line}\ncode=$?; pwd >{shlex.quote(str(state))}; exit $code"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self._directory, self._code = Path(state.read_text().rstrip("\n")), done.returncode
        return done.stdout


def begin(page: str, folder: Path, path: str) -> Sandbox:
    """Make the folder that a page begins in."""
    (folder / "home").mkdir(parents=True)
    work = folder / "work"
    start = _BEGINS.search(page)
    if start:
        shutil.copytree(ROOT / start[1], work / (start[2] or ""))
    else:
        work.mkdir()
    return Sandbox(work, path)


def agrees(shown: str, printed: str) -> bool:
    """Tell whether a page shows what was printed; `...` stands for any lines."""
    pattern = "".join(".*?" if line == "..." else re.escape(line + "\n") for line in _lines(shown))
    return re.fullmatch(pattern, "".join(line + "\n" for line in _lines(printed)), re.DOTALL) is not None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip("\n").split("\n")] if text.strip() else []


def commands_on(folder: Path) -> str:
    """Return a PATH on which `aegisgen` is what the tests test."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "aegisgen"
    source = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT / 'generator')!r})\n"
    command.write_text(f"{source}from aegisgen.__main__ import main\nsys.argv[0] = 'aegisgen'\nmain()\n")
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def _renew(file: Path) -> None:
    page = file.read_text()
    with tempfile.TemporaryDirectory() as temporary:
        sandbox = begin(page, Path(temporary) / "page", commands_on(Path(temporary) / "bin"))
        edits = [
            (command.place, sandbox.run(command.line), command.output)
            for block in blocks(page)
            if block.kind == "console" and not block.mark.startswith(("run by", "not run"))
            for command in block.commands
        ]
    for (start, end), printed, shown in reversed(edits):
        if not agrees(shown, printed):
            page = page[:start] + printed + page[end:]
    file.write_text(page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        _renew(Path(name))


class Terminal(io.StringIO):
    """A stream that says it is a terminal; what it holds is what somebody types."""

    def isatty(self) -> bool:
        return True
