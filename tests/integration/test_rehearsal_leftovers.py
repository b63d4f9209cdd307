"""Nothing is left of a rehearsal: no process, no folder, no port, however its command ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.conftest import ROOT
from tests.leftovers import own_registry, until

from aegisgen.errors import ToolError
from aegisgen.rehearsal import leftovers
from aegisgen.rehearsal.leftovers import sweep, workspace
from aegisgen.rehearsal.processes import all_processes, command_line, kill_marked, marked, memory_segments

PATIENCE_SECONDS = 30

# A command in the middle of a rehearsal: a server, and a container that has let go of its parent and its session.
COMMAND = """
import json, os, signal, subprocess, sys
from aegisgen.rehearsal.leftovers import workspace
from aegisgen.rehearsal.postgres import Supply, Wanted

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may have been started by nohup
try:
    with workspace() as run:
        (run.folder / "closed" / "inner").mkdir(parents=True)
        (run.folder / "closed").chmod(0o000)
        container = subprocess.Popen(
            ["sh", "-c", "setsid sleep 1000 & sleep 1000"], env={**os.environ, **run.environment}, start_new_session=True
        )
        with Supply(Wanted(), run).server("one") as server:
            print(json.dumps({"run": run.name, "folder": str(run.folder), "port": server.superuser.port}), flush=True)
            sys.stdin.read()
            sys.exit(3)
except KeyboardInterrupt:
    sys.exit(130)
"""


class Rehearsal(NamedTuple):
    """A command that has come to the middle of its run."""

    process: subprocess.Popen[str]
    run: str
    folder: Path
    port: int
    memory: str
    """The number of the server's segment of shared memory."""

    def server(self) -> int:
        """The id of the server's first process."""
        (pidfile,) = self.folder.glob("*/server-one/data/postmaster.pid")
        return int(pidfile.read_text().split()[0])

    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        left = (self.folder.exists(), marked(self.run), _listens(self.port), self.memory in segments())
        return not any(left)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tmp_path_factory.getbasetemp()  # pytest's own place is made now, and not in this test's
    with own_registry(monkeypatch) as place:
        yield place


@pytest.fixture
def start() -> Iterator[Callable[[], Rehearsal]]:
    """Starts a command and waits until its server runs."""
    processes = []

    def begin() -> Rehearsal:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "generator")},
        )
        processes.append(process)
        said = json.loads(process.stdout.readline())
        folder = Path(said["folder"])
        (pidfile,) = folder.glob("*/server-one/data/postmaster.pid")
        memory = pidfile.read_text().splitlines()[6].split()[1]
        assert memory in segments()
        rehearsal = Rehearsal(process, said["run"], folder, said["port"], memory)
        assert _listens(rehearsal.port)
        assert len(marked(rehearsal.run)) >= 2
        return rehearsal

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    until(lambda: not _guards(), "a guard is still waiting")


@pytest.mark.tools
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130), (None, 3)]
)
def test_a_command_that_ends_takes_everything_with_it(start, number, code) -> None:
    rehearsal = start()
    if number:
        rehearsal.process.send_signal(number)
    else:
        rehearsal.process.stdin.close()  # which ends it by an exception
    assert rehearsal.process.wait(PATIENCE_SECONDS) == code
    assert rehearsal.is_gone()


@pytest.mark.tools
def test_a_command_that_is_killed_is_cleaned_up_after_at_once(start: Callable[[], Rehearsal]) -> None:
    rehearsal = start()
    rehearsal.process.kill()
    rehearsal.process.wait(PATIENCE_SECONDS)
    until(rehearsal.is_gone)


@pytest.mark.tools
def test_a_server_that_was_killed_leaves_no_memory_behind(start: Callable[[], Rehearsal]) -> None:
    rehearsal = start()
    os.kill(rehearsal.server(), signal.SIGKILL)
    until(lambda: not _listens(rehearsal.port))
    rehearsal.process.stdin.close()
    assert rehearsal.process.wait(PATIENCE_SECONDS) == 3
    assert rehearsal.is_gone()


@pytest.mark.tools
def test_what_was_killed_with_its_guard_goes_at_the_next_start_and_what_lives_stays(start) -> None:
    living, killed = start(), start()
    # Both guards: it makes no difference to the one that lives.
    for guard in _guards():
        os.kill(guard, signal.SIGKILL)
    # As the kernel does it when memory is short: the command, and the server, which so leaves its shared memory.
    os.kill(killed.server(), signal.SIGKILL)
    killed.process.kill()
    killed.process.wait(PATIENCE_SECONDS)
    assert killed.folder.exists()
    assert marked(killed.run)

    with workspace():
        pass
    assert killed.is_gone()
    assert _listens(living.port)
    assert len(marked(living.run)) >= 2
    living.process.stdin.close()
    assert living.process.wait(PATIENCE_SECONDS) == 3
    assert living.is_gone()


@pytest.mark.tools
def test_a_server_is_found_by_its_folder_too(start: Callable[[], Rehearsal], monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal = start()
    for guard in _guards():
        os.kill(guard, signal.SIGKILL)
    rehearsal.process.kill()
    rehearsal.process.wait(PATIENCE_SECONDS)
    monkeypatch.setattr(leftovers, "kill_marked", lambda _run: True)
    assert sweep() == 1
    assert not _listens(rehearsal.port)
    assert rehearsal.memory not in segments()
    assert kill_marked(rehearsal.run)


def test_a_run_that_lives_is_not_swept() -> None:
    with workspace() as run:
        assert sweep() == 0
        assert run.folder.is_dir()
    assert not run.folder.exists()
    assert sweep() == 0


def test_a_folder_that_is_closed_to_its_owner_goes_and_what_a_link_points_to_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "file").touch()
    with workspace() as run:
        closed = run.folder / "closed"
        (closed / "inner").mkdir(parents=True)
        (closed / "link").symlink_to(outside)
        (run.folder / "link").symlink_to(outside)
        (closed / "inner").chmod(0)
        closed.chmod(0)
    assert not run.folder.exists()
    assert (outside / "file").exists()
    assert outside.stat().st_mode & 0o777 == 0o755


def test_a_folder_whose_process_never_came_to_lock_it_is_swept(registry: Path) -> None:
    with workspace():
        pass
    (registry / "run-half-made").mkdir()
    assert sweep() == 1
    assert [file.name for file in registry.iterdir()] == ["lock"]


def test_a_process_that_got_a_dead_servers_number_is_left_alone(registry: Path) -> None:
    bystander = subprocess.Popen(["sleep", "1000"])
    try:
        with workspace():
            pass
        data = registry / "run-old/server-one/data"
        data.mkdir(parents=True)
        (data / "postmaster.pid").write_text(f"{bystander.pid}\n{data}\n")
        assert sweep() == 1
        assert bystander.poll() is None
        assert not data.exists()
    finally:
        bystander.kill()
        bystander.wait()


def test_only_processes_with_the_runs_own_mark_are_killed() -> None:
    with workspace() as run:
        environment = {**os.environ, **run.environment}
        own = [
            subprocess.Popen(["sleep", "1000"], env={**environment, "AEGISGEN_REHEARSAL": mark})
            for mark in (run.name, f"{run.name}/pod/container/1")
        ]
        others = [
            subprocess.Popen(["sleep", "1000"], env={**os.environ, "AEGISGEN_REHEARSAL": f"{run.name}0"}),
            subprocess.Popen(["sleep", "1000"], env={**os.environ, "NOTE": f"AEGISGEN_REHEARSAL={run.name}"}),
        ]
        try:
            until(lambda: marked(run.name) == {process.pid for process in own})
            assert kill_marked(run.name)
            assert [process.wait(PATIENCE_SECONDS) for process in own] == [-signal.SIGKILL] * 2
            assert [other.poll() for other in others] == [None, None]
            assert command_line(own[0].pid) == ""
        finally:
            for process in (*own, *others):
                process.kill()
                process.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_a_registry_that_is_somebody_elses_is_refused(registry: Path) -> None:
    registry.mkdir()
    os.chown(registry, 65534, 65534)
    with pytest.raises(ToolError, match="is somebody else's; remove it, or set TMPDIR"), workspace():
        pass


def test_a_registry_that_is_a_link_is_refused(registry: Path, tmp_path: Path) -> None:
    registry.symlink_to(tmp_path)
    with pytest.raises(ToolError, match="is somebody else's"), workspace():
        pass


def test_a_place_that_takes_no_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_reachable", lambda _folder: True)
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(ToolError, match=r"/proc/nowhere/.*: .*; a rehearsal needs a place for its files"), workspace():
        pass


def segments() -> set[str]:
    """The numbers of all segments of shared memory."""
    return {str(number) for _, number in memory_segments()}


def _guards() -> list[int]:
    """The shells that stand beside this test's runs."""
    registry = str(leftovers._registry())
    found = [pid for pid in all_processes() if registry in command_line(pid)]
    return [pid for pid in found if command_line(pid).startswith("/bin/sh -c")]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
