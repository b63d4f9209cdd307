"""Containers as processes: whatever they do, they end, nothing is left of them, and nobody else is harmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from tests.tools import available

from aegisgen.rehearsal.clock import Clock
from aegisgen.rehearsal.image.scripts import write_scripts
from aegisgen.rehearsal.image.standins import ContainerClock, write_storage
from aegisgen.rehearsal.kubelet import landlock
from aegisgen.rehearsal.kubelet.landlock import Fence
from aegisgen.rehearsal.kubelet.log import KEPT
from aegisgen.rehearsal.kubelet.process import Launch, Process
from aegisgen.rehearsal.processes import become_reaper, catches_term

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
fenced = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    become_reaper()
    folder = tmp_path / "stage"
    folder.mkdir()
    return folder


def start(
    stage: Path, script: str, *, largest_file: int | None = None, ports: tuple[int, ...] | None = None
) -> Process:
    launch = Launch(
        command=("/bin/sh", "-c", script),
        env={"PATH": os.environ["PATH"]},
        folder=stage,
        message=stage / "message",
        mark=f"test-{stage.parent.name}/c/1",
        fence=Fence((stage,), ports),
        largest_file=largest_file,
    )
    return Process(launch, Clock())


def ended(process: Process) -> Process:
    assert process.wait(60), process.log
    return process


def test_its_end_its_log_and_its_message_are_known(stage: Path) -> None:
    process = ended(start(stage, "echo out; echo err >&2; echo why >message; exit 3"))
    assert (process.code, process.signal, process.log, process.message) == (3, "", "out\nerr\n", "why\n")


def test_a_flood_neither_blocks_it_nor_fills_the_memory(stage: Path) -> None:
    process = ended(start(stage, "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last"))
    assert process.code == 0
    assert process.log.startswith("first\nx")
    assert process.log.endswith("x\nlast\n")
    assert "bytes left out" in process.log
    assert len(process.log) < 3 * KEPT


@linux
@pytest.mark.parametrize("away", ["", *(f"{word} " for word in available(["setsid", "nohup"]))])
def test_what_it_started_ends_with_it(stage: Path, away: str) -> None:
    process = ended(start(stage, f"{away}sh -c 'echo $$ >child; sleep 1000' & while [ ! -s child ]; do :; done"))
    assert process.code == 0
    child = int((stage / "child").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_kill_leaves_nothing_and_is_named(stage: Path) -> None:
    process = start(stage, "sleep 1000 & sleep 1000")
    process.kill()
    assert (process.code, process.signal) == (None, "SIGKILL")


@linux
def test_the_first_process_of_a_container_does_not_die_of_sigterm_without_a_handler(stage: Path) -> None:
    deaf = start(stage, "echo ready; sleep 1000; :")
    deaf.terminate()
    assert not deaf.wait(0.3)
    deaf.kill()
    polite = start(stage, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    while not polite.log:
        time.sleep(0.01)
    assert catches_term(polite._popen.pid)
    polite.terminate()
    assert ended(polite).code == 7


@fenced
def test_it_writes_nothing_outside_of_the_stage(stage: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as outside:  # /dev/shm, where tests' files may be, is open to it
        victim = Path(outside, "victim")
        victim.write_text("whole")
        script = (
            f"echo x >inside; echo x >{victim}; rm -f {victim}; mkdir {outside}/new; echo x >/dev/null && echo null"
        )
        process = ended(start(stage, script))
        assert victim.read_text() == "whole"
        assert not Path(outside, "new").exists()
    assert (stage / "inside").exists()
    assert process.log.endswith("null\n")


@pytest.mark.skipif(landlock.version() < 4, reason="this kernel's Landlock knows no ports")
def test_it_connects_only_where_it_may(stage: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as good, socket.create_server(("127.0.0.1", 0)) as bad:
        allowed, other = good.getsockname()[1], bad.getsockname()[1]
        program = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
        script = f'for port in {allowed} {other}; do "{sys.executable}" -c "{program}" $port 2>/dev/null; echo $?; done'
        assert ended(start(stage, script, ports=(allowed,))).log == "0\n1\n"


@pytest.mark.skipif(landlock.version() < 6, reason="this kernel's Landlock knows no signals")
def test_it_kills_nobody_else(stage: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        try:
            ended(start(stage, f"kill -9 {other.pid}"))
            assert other.poll() is None
        finally:
            other.kill()


def test_a_full_target_is_played_by_a_limit(stage: Path) -> None:
    process = ended(start(stage, "head -c 5000 /dev/zero >file; echo $?", largest_file=1))
    assert (stage / "file").stat().st_size <= 1024
    assert process.log.strip().splitlines()[-1] != "0"


def test_who_goes_on_writing_does_not_hang_and_who_is_silent_does(stage: Path) -> None:
    slow = start(stage, "until [ -e enough ]; do echo more; done")
    threading.Timer(3.0, (stage / "enough").touch).start()
    assert slow.wait(2.0), "slower than the patience, and never silent that long"
    silent = start(stage, "echo once; sleep 1000")
    assert not silent.wait(0.3)
    silent.kill()


def test_a_program_that_is_not_there_is_an_error_of_the_start(stage: Path) -> None:
    launch = Launch(("no-such-program",), {"PATH": "/nowhere"}, stage, stage / "m", "test/none", Fence((stage,), None))
    with pytest.raises(FileNotFoundError):
        Process(launch, Clock())


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("pnpm run greet a 'b c'", "pre\nhello <a> <b c>\npost\n"),
        ("npm run greet -- a", "pre\nhello <a>\npost\n"),
        ("yarn greet", "pre\nhello <>\npost\n"),
        ("pnpm run --silent outer", "pre\nhello <in>\npost\n"),
        ("pnpm exec tool x", "tool x\n"),
        ("pnpm run fails; echo $?", "9\n"),
    ],
)
def test_package_scripts_run_as_a_package_manager_runs_them(stage: Path, call: str, expected: str) -> None:
    app = stage / "app"
    (app / "node_modules/.bin").mkdir(parents=True)
    tool = app / "node_modules/.bin/tool"
    tool.write_text('#!/bin/sh\necho tool "$@"\n')
    tool.chmod(0o755)
    greet = "printf 'hello'; printf ' <%s>'"
    scripts = {
        "pregreet": "echo pre",
        "greet": greet,
        "postgreet": "echo; echo post",
        "outer": "pnpm run greet in",
        "fails": "exit 9",
    }
    (app / "package.json").write_text(json.dumps({"scripts": scripts}))
    write_scripts([app], stage / "bin")
    env = {"PATH": f"{stage / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", call], cwd=app, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == expected, done.stderr


def test_the_storage_keeps_lists_and_forgets(stage: Path) -> None:
    write_storage(stage / "bin", stage / "storage")
    (stage / "dump").write_text("12345")
    script = (
        "aws s3 cp --only-show-errors --sse AES256 --metadata a=b dump s3://b/p/x.dump && aws s3 ls s3://b/p/x && aws s3 rm s3://b/p/x.dump"
        " && ! aws s3 ls s3://b/p/ && ! aws s3 sync a b && ! aws --cli-read-timeout 60 s3api put-object"
        " && aws --cli-connect-timeout 10 --cli-read-timeout 60 s3api list-multipart-uploads --bucket b"
    )
    env = {"PATH": f"{stage / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], cwd=stage, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[2:] == ["5", "x.dump"]


def test_the_containers_clock_runs_as_fast_as_it_is_told(stage: Path) -> None:
    clock = ContainerClock(stage / "clock")
    env = {"PATH": f"{stage / 'clock'}:{os.environ['PATH']}"}
    clock.run_at(100)

    def seconds(script: str) -> int:
        return int(subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True, check=True).stdout)

    began = time.monotonic()
    assert seconds("a=$(date +%s); sleep 60; b=$(date +%s); echo $((b - a))") >= 0
    assert time.monotonic() - began < 30
    before = seconds("date +%s")
    time.sleep(1.1)
    assert seconds("date +%s") - before >= 100
    clock.run_at(1)
    assert seconds("date +%s") >= before + 100
