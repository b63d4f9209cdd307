"""Many overlays in several processes, interrupted or killed: one word of it, and nobody left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")

OVERLAYS = 40


class Running(NamedTuple):
    """A validation whose processes wait for a Kustomize that never ends."""

    process: subprocess.Popen[str]
    alive: int
    """Read here, and the end comes when the last process that could write is gone."""
    kustomize: int
    kustomize_ended: int
    """Readable when that process has ended."""


@pytest.fixture
def running(tmp_path: Path):
    for number in range(OVERLAYS):
        (tmp_path / f"o{number}").mkdir()
        (tmp_path / f"o{number}/kustomization.yaml").write_text("namePrefix: x-\n")
    tool = tmp_path / "bin" / "kustomize"
    tool.parent.mkdir()
    os.mkfifo(tmp_path / "started")
    tool.write_text(
        f'#!/bin/sh\nif [ "$1" = version ]; then echo v5; exit; fi\necho $$ >>{tmp_path}/all\necho $$ >{tmp_path}/started\nexec sleep 600\n'
    )
    tool.chmod(0o755)
    alive, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "aegisgen", "validate", "--jobs", "2", "--no-cache", "."],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tool.parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[theirs],
        start_new_session=True,  # a terminal's foreground group
    )
    os.close(theirs)
    with (tmp_path / "started").open() as started:  # waits until a process of the crew is at work
        kustomize = int(started.readline())
    kustomize_ended = os.pidfd_open(kustomize)
    yield Running(process, alive, kustomize, kustomize_ended)
    process.kill()
    process.communicate()
    for pid in map(int, (tmp_path / "all").read_text().split()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os.close(alive)
    os.close(kustomize_ended)


def members(running: Running) -> list[int]:
    return [
        int(pid) for pid in Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    ]


def test_an_interrupt_ends_all_of_them_without_a_word(running: Running) -> None:
    os.killpg(running.process.pid, signal.SIGINT)

    out, err = running.process.communicate(timeout=30)

    assert (running.process.returncode, out, err) == (130, "", "")
    assert os.read(running.alive, 1) == b""
    assert select.select([running.kustomize_ended], [], [], 30)[0]


def test_a_killed_process_is_reported_and_the_others_end(running: Running) -> None:
    os.kill(members(running)[0], signal.SIGKILL)
    os.kill(running.kustomize, signal.SIGKILL)  # whose it may have been

    out, err = running.process.communicate(timeout=30)

    assert (running.process.returncode, out) == (2, "")
    assert err.startswith("a process that works for this one was killed")
    assert err.count("\n") == 1
    assert os.read(running.alive, 1) == b""


def test_processes_leave_when_the_one_they_work_for_is_killed(running: Running) -> None:
    running.process.kill()
    running.process.communicate()

    assert os.read(running.alive, 1) == b""
    assert select.select([running.kustomize_ended], [], [], 30)[0]
