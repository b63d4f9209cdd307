"""The bar: on a terminal, for what takes longer than a second; nothing anywhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from tests.conftest import ROOT

from aegisgen.output import progress
from aegisgen.output.progress import tracked

# A clock of its own, so that nobody waits: each result takes as long as is said.
_PROGRAM = """
import sys
from aegisgen.output import progress
now = 0.0
progress.time.monotonic = lambda: now
def results():
    global now
    for number in range(10):
        now += float(sys.argv[1])
        yield number
print(list(progress.tracked(results(), 100, "overlays", lambda _: 10)))
print("rich" in sys.modules)
"""


def run(seconds: str, *, terminal: bool) -> tuple[str, str]:
    """Return what the program wrote to stdout and to stderr, which is a terminal or a pipe."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "generator"), "TERM": "xterm", "COLUMNS": "100"}
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, seconds], stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how a terminal on Linux says that the other side is gone
                break
            if not part:
                break
            shown += part
        os.close(ours)
        out = process.stdout.read() if process.stdout else ""
    assert process.returncode == 0, shown
    return out, shown.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_on_a_terminal_a_long_run_shows_counts_and_time_left_and_clears_up() -> None:
    out, shown = run("3", terminal=True)
    assert out == f"{list(range(10))}\nTrue\n"
    assert "10/100 overlays, 27 s left" in shown
    assert "90/100 overlays, 3 s left" in shown
    assert shown.rstrip().endswith("\x1b[2K"), "the line is cleared for what comes after"


def test_a_very_long_run_counts_minutes() -> None:
    assert "10/100 overlays, 9 min left" in run("60", terminal=True)[1]


def test_on_a_terminal_a_short_run_shows_nothing_and_imports_nothing() -> None:
    assert run("0.05", terminal=True) == (f"{list(range(10))}\nFalse\n", "")


def test_in_a_pipe_a_long_run_is_silent_and_imports_nothing() -> None:
    assert run("3", terminal=False) == (f"{list(range(10))}\nFalse\n", "")


class Bar:
    """Stands in for the bar, and notes what it is told."""

    def __init__(self, *given: object) -> None:
        self.seen: list[object] = [given]

    def show(self, done: int) -> None:
        self.seen.append(done)

    def close(self) -> None:
        self.seen.append("closed")


def test_what_is_tracked_may_fail_and_the_bar_is_gone(monkeypatch) -> None:
    bar = Bar()

    def results():
        yield 1
        raise ValueError("broken")

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", -1)
    monkeypatch.setattr(progress, "_bar", lambda *_: bar)
    with pytest.raises(ValueError, match="broken"):
        list(tracked(results(), 10, "files"))
    assert bar.seen[-1] == "closed"


def test_a_check_shows_how_many_overlays_there_have_been(tmp_path, monkeypatch, cli) -> None:
    bars = []
    for number in range(30):
        folder = tmp_path / f"overlays/{number}"
        folder.mkdir(parents=True)
        (folder / "kustomization.yaml").write_text("resources: []\n")
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", -1)
    monkeypatch.setattr(progress, "_bar", lambda *given: bars.append(Bar(*given)) or bars[-1])
    terminal = type("sys", (), {"stderr": type("E", (), {"isatty": lambda: True})})
    monkeypatch.setattr(progress, "sys", terminal)
    assert cli("validate", "--no-compose", "--jobs", "1", str(tmp_path)).code == 0
    (bar,) = bars
    assert bar.seen[0][:2] == (30, "overlays")
    assert bar.seen[1:] == [*sorted(bar.seen[1:-1]), "closed"]
    assert bar.seen[-2] == 30
