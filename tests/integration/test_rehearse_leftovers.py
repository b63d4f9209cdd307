"""Whatever ends a rehearsal, and whatever its migrations do: nothing is left behind, and nobody else is harmed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT, aegisgen
from tests.leftovers import own_registry, until
from tests.tools import need

from aegisgen.rehearsal.processes import all_processes, command_line, marked

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow]

HOSTILE = """"use strict";
const { spawn } = require("child_process");
const fs = require("fs");
exports.up = async (knex) => {
  await knex.schema.createTable("hostile", (table) => table.increments());
  const line = "x".repeat(1 << 20) + "\\n";
  for (let n = 0; n < 100; n++) await new Promise((done) => process.stdout.write(line, done));
  spawn("setsid", ["sleep", "SECONDS"], { detached: true, stdio: "ignore" }).unref();
  try { fs.writeFileSync(VICTIM, "harmed"); } catch {}
  try { fs.writeFileSync("inside", "its own copy"); } catch {}
};
exports.down = () => {};
"""


@pytest.fixture(autouse=True)
def registry(kustomize: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(ROOT)
    with own_registry(monkeypatch, parent="/tmp") as place:
        yield place


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_command_is_the_end_of_everything(app: Path, registry: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "aegisgen", "rehearse", "production", "--app", str(app), "--scenario", "killed"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            until(lambda: list(registry.glob("run-*/name")), "no run was begun")
            (folder,) = registry.glob("run-*")
            until((folder / "name").read_text, "the run has no name")
            name = (folder / "name").read_text()
            until(lambda: list(folder.glob("stage-*/*/pods/*")), "no pod was started")
            assert marked(name)
            process.send_signal(number)
            process.wait(60)
        finally:
            process.kill()
    until(lambda: not marked(name), "processes are left")
    until(lambda: not folder.exists(), "the folder is left")


def test_a_hostile_migration_neither_hangs_the_rehearsal_nor_harms_anybody(app, registry, tmp_path) -> None:
    folder, victim = tmp_path / "app", registry.parent / "victim"  # on the disk: containers may write to /dev/shm
    shutil.copytree(app, folder, symlinks=True)
    victim.write_text("whole")
    sleep = f"4711.{os.getpid()}"
    hostile = HOSTILE.replace("VICTIM", f'"{victim}"').replace("SECONDS", sleep)
    (folder / "migrations/20260201000000_hostile.js").write_text(hostile)
    # The hand-written tree: its output comes as it is, where the runner would read 100 MB line by line in sh.
    overlay = "tests/fixtures/guide/argocd/overlays/staging/api"
    outcome = aegisgen("rehearse", "--path", overlay, "--app", str(folder), "--scenario", "clean")
    assert outcome.code == 0, outcome.out + outcome.err
    assert not (folder / "inside").exists(), "the copy is the container's, the folder the user's"
    assert not list(registry.glob("run-*"))
    assert not [pid for pid in all_processes() if f"sleep {sleep}" in command_line(pid)]
    from aegisgen.rehearsal.kubelet import landlock

    if landlock.version():
        assert victim.read_text() == "whole"
