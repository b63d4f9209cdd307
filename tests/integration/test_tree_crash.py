"""Writers are killed, starved and disturbed at every single operation on the file system that they do.

A writer runs in a forked child in which the functions of `os` that change the file system are
replaced by ones that can be struck. Before operation n, for every n, is also after operation n - 1.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest
from tests.trees import put

from aegisgen.errors import TreeError
from aegisgen.project.tree.content import STAGE, Change, read
from aegisgen.project.tree.write import locked, write

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

OK, REFUSED, BROKEN, KILLED = 0, 3, 4, -signal.SIGKILL
SPACE = {"open", "write", "fsync", "mkdir", "link", "symlink"}
OPERATIONS = (
    *("open", "write", "fsync", "link", "symlink", "mkdir", "rename", "replace", "unlink", "rmdir"),
    *("chmod", "fchmod", "chown", "fchown", "utime"),
)

Tree = dict[str, "str | tuple[str, bytes | None]"]


class Operation(NamedTuple):
    number: int
    name: str


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where that can be had: thousands of directories come and go here, and a busy disk takes its time."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


Scenario = dict[str, "tuple[bytes | None, bytes | None]"]


A, B = b"resources:\n- job.yaml\n", b"resources:\n- job.yaml\n- config.yaml\n"
BASE = {
    "overlays/staging/api/kustomization.yaml": A,
    "overlays/staging/api/job.yaml": b"staging job\n",
    "overlays/production/api/kustomization.yaml": A,
    "overlays/production/api/job.yaml": b"production job\n",
    "overlays/production/api/notes.md": b"somebody's notes\n",
    "overlays/production/web/old.yaml": b"old\n",
    "apps/app.yaml": b"app\n",
}
SEVERAL = {
    "overlays/production/api/kustomization.yaml": (A, B),
    "overlays/production/api/config.yaml": (None, b"config\n" * 1000),
    "overlays/production/api/job.yaml": (b"production job\n", b"new job\n"),
    "overlays/production/worker/api/job.yaml": (None, b"worker\n"),
    "overlays/production/web/old.yaml": (b"old\n", None),
}
SCENARIOS: dict[str, Scenario] = {
    "several files": SEVERAL,
    "one changed file": {"overlays/staging/api/job.yaml": (b"staging job\n", b"new\n")},
    "one file in a new directory": {"overlays/test/api/job.yaml": (None, b"new\n")},
    "several new directories": {f"overlays/test/{n}/job.yaml": (None, b"new\n") for n in range(3)},
    "one removed file": {"overlays/staging/api/job.yaml": (b"staging job\n", None)},
    "a directory that goes": {"overlays/production/web/old.yaml": (b"old\n", None)},
    "several directories that go": {
        path: (content, None) for path, content in BASE.items() if path.startswith("overlays/staging")
    },
    "files that meet in the root only": SEVERAL | {"apps/app.yaml": (b"app\n", b"new\n")},
}


def build(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    put(root, BASE)
    (root / "overlays/production/api/job.yaml").chmod(0o640)
    (root / "overlays/production/api/notes.md").chmod(0o600)
    (root / "overlays/production/api").chmod(0o750)
    (root / "overlays/production/link").symlink_to("./api//notes.md")
    (root / "overlays/production/empty").mkdir()


def changes_of(scenario: Scenario) -> list[Change]:
    return [Change(path, before, after) for path, (before, after) in scenario.items()]


def look(root: Path) -> Tree:
    """Everything below the root but the stage: directories and links too, with modes."""
    seen: Tree = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.partition("/")[0] == STAGE:
            continue
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            seen[name] = os.readlink(path)  # noqa: PTH115
        else:
            seen[name] = (oct(mode), path.read_bytes() if path.is_file() else None)
    return seen


def render(root: Path, scenario: Scenario) -> None:
    """What a later run does: compare what is there with what is wanted, write the difference."""
    with locked(root, wait=0):
        write(root, [Change(path, read(root, path), after) for path, (_, after) in scenario.items()])


def old_and_new(root: Path, scenario: Scenario) -> tuple[Tree, Tree]:
    build(root)
    old = look(root)
    render(root, scenario)
    new = look(root)
    assert old != new
    return old, new


def in_child(action: Callable[[], int]) -> int:
    """Run the action in a fork of this process and return its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os._exit(action())
    except TreeError:
        os._exit(REFUSED)
    except BaseException:
        traceback.print_exc()
        os._exit(BROKEN)


@contextmanager
def armed(strike: Callable[[Operation], bool], then: Callable[[], None]) -> Iterator[list[Operation]]:
    """Do `then` in place of each operation for which `strike` is true; gives the list of those, as it grows."""
    number = count(1)
    struck: list[Operation] = []

    def arm(name: str, original: Callable[..., object]) -> Callable[..., object]:
        def operation(*args: object, **named: object) -> object:
            if name == "open" and not int(str(args[1])) & os.O_CREAT:
                return original(*args, **named)
            now = Operation(next(number), name)
            if not strike(now):
                return original(*args, **named)
            struck.append(now)
            if name == "write":  # half of it is done
                content = bytes(args[1])  # type: ignore[call-overload]
                original(args[0], content[: len(content) // 2])
            return then()

        return operation

    with ExitStack() as patches:
        for name in OPERATIONS:
            patches.enter_context(mock.patch.object(os, name, arm(name, getattr(os, name))))
        yield struck


def killed(strike: Callable[[Operation], bool], root: Path, scenario: Scenario) -> bool:
    """Render in a child that is killed in place of the operation for which `strike` is true; False if none came."""

    def action() -> int:
        with armed(strike, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            render(root, scenario)
        return OK

    code = in_child(action)
    assert code in (OK, KILLED)
    return code == KILLED


def refused(root: Path, scenario: Scenario) -> bool:
    try:
        render(root, scenario)
    except TreeError:
        return True
    return False


def fail(number: int) -> Callable[[], None]:
    def raise_error() -> None:
        raise OSError(number, os.strerror(number))

    return raise_error


def assert_whole(seen: Tree, old: Tree, new: Tree) -> None:
    """Every file is old or new, none is missing, and no kustomization.yaml names a file that is not there."""
    assert old.keys() & new.keys() <= seen.keys()
    for path, state in seen.items():
        assert state in (old.get(path), new.get(path)), path
        if path.endswith("kustomization.yaml"):
            listed = str(state).count("config.yaml")
            assert not listed or path.replace("kustomization", "config") in seen


def files(seen: Tree) -> Tree:
    """What is no directory: a kill between two renames may leave an empty one."""
    return {path: state for path, state in seen.items() if isinstance(state, str) or state[1] is not None}


# Killed


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_at_any_operation_leaves_whole_files_and_the_next_write_completes_them(
    tmp_path: Path, name: str
) -> None:
    scenario = SCENARIOS[name]
    old, new = old_and_new(tmp_path, scenario)
    for number in count(1):
        build(tmp_path)
        if not killed(lambda operation, at=number: operation.number == at, tmp_path, scenario):
            break
        assert_whole(look(tmp_path), old, new)

        render(tmp_path, scenario)

        assert files(look(tmp_path)) == files(new)
        assert not (tmp_path / STAGE).exists()


@pytest.mark.tools
def test_git_does_not_show_what_a_killed_run_leaves(tmp_path: Path) -> None:
    build(tmp_path)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "Start"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)

    assert killed(lambda operation: operation.name in {"rename", "replace"}, tmp_path, SEVERAL)

    status = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / STAGE / "0").is_file()
    assert status.stdout == b""


# Starved


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("error", ["ENOSPC", "EACCES"])
def test_an_error_before_the_first_rename_leaves_the_tree_as_it_was(tmp_path: Path, name: str, error: str) -> None:
    scenario = SCENARIOS[name]
    old, new = old_and_new(tmp_path, scenario)
    names = ("rename", "replace", "unlink")
    seen = []
    for number in count(1):
        build(tmp_path)
        done: list[str] = []

        def strike(operation: Operation, at: int = number, done: list[str] = done) -> bool:
            done.append(operation.name)
            return operation.number == at

        with armed(strike, fail(getattr(errno, error))) as struck:
            is_refused = refused(tmp_path, scenario)
        if not struck:
            break
        now = look(tmp_path)
        assert_whole(now, old, new)
        before_any_change = not {*names, "mkdir"} & set(done[: number - 1][1:])  # the first mkdir is the stage
        if is_refused and before_any_change:
            assert files(now) == files(old), struck
        seen.append(is_refused)
        render(tmp_path, scenario)
        assert files(look(tmp_path)) == files(new)
    assert set(seen) == {True, False}


def test_what_was_already_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    replace, calls = os.replace, count(1)

    def failing(*args: str) -> None:
        if next(calls) > 1:
            raise OSError(errno.EIO, "the disk is gone")
        replace(*args)

    monkeypatch.setattr(os, "replace", failing)
    changes = [Change("apps/app.yaml", b"app\n", b"1"), Change("overlays/staging/api/job.yaml", b"staging job\n", b"2")]

    with pytest.raises(TreeError, match=r"the disk is gone; already written: apps/app\.yaml; run again"):
        write(tmp_path, changes)


def test_the_message_names_the_reason_and_not_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: fail(errno.ENOSPC)())

    with pytest.raises(TreeError) as caught:
        render(tmp_path, SEVERAL)

    assert str(caught.value) == f"{tmp_path}: No space left on device; nothing was written"


# In company


def test_eight_writers_at_once_take_turns(tmp_path: Path) -> None:
    paths = [f"overlays/{n % 2}/{n}.yaml" for n in range(6)]

    def writer(own: bytes) -> int:
        for _ in range(3):
            with locked(tmp_path):
                found = {path: read(tmp_path, path) for path in paths}
                assert len(set(found.values())) == 1, "half a tree"
                write(tmp_path, [Change(path, before, own) for path, before in found.items()])
        return OK

    children = []
    for number in range(8):
        child = os.fork()
        if not child:
            os._exit(in_child(lambda own=b"%d" % number: writer(own)))
        children.append(child)

    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [OK] * 8
    assert len({read(tmp_path, path) for path in paths}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["overlays"]


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    def die() -> int:
        with locked(tmp_path, wait=0):
            os.kill(os.getpid(), signal.SIGKILL)
        return OK

    assert in_child(die) == KILLED
    with locked(tmp_path, wait=0):
        pass


def test_what_is_not_ours_stays_the_same_and_modes_are_kept(tmp_path: Path) -> None:
    build(tmp_path)
    before = look(tmp_path)
    os.utime(tmp_path / "overlays/production/api", ns=(1, 1))
    notes = (tmp_path / "overlays/production/api/notes.md").stat()

    render(tmp_path, SEVERAL)

    after, kept = look(tmp_path), (tmp_path / "overlays/production/api/notes.md").stat()
    assert (kept.st_ino, kept.st_mtime_ns, kept.st_nlink) == (notes.st_ino, notes.st_mtime_ns, 1)
    assert (tmp_path / "overlays/production/api").stat().st_mtime_ns != 1  # git would see no new file in it
    assert {path for path in before if after.get(path) != before[path]} == {
        "overlays/production/api/job.yaml",
        "overlays/production/api/kustomization.yaml",
        "overlays/production/web",
        "overlays/production/web/old.yaml",
    }
    assert after["overlays/production/api/job.yaml"] == ("0o100640", b"new job\n")
    assert after["overlays/production/api/config.yaml"] == ("0o100644", b"config\n" * 1000)


def test_new_files_obey_the_umask(tmp_path: Path) -> None:
    build(tmp_path)

    def action() -> int:
        os.umask(0o027)
        render(tmp_path, SEVERAL)
        return OK

    assert in_child(action) == OK
    assert (tmp_path / "overlays/production/worker").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "overlays/production/worker/api/job.yaml").stat().st_mode & 0o777 == 0o640


def test_new_files_come_first_kustomization_last_and_removals_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path)
    done: list[str] = []

    def noted(name: str) -> Callable[..., object]:
        original = getattr(os, name)

        def operation(path: object, *args: object, **named: object) -> object:
            if name == "fsync" or named.get("dir_fd") is None:
                done.append(name if name == "fsync" else f"{name} {Path(str((path, *args)[-1])).name}")
            return original(path, *args, **named)

        return operation

    for name in ("fsync", "replace", "unlink"):
        monkeypatch.setattr(os, name, noted(name))
    render(tmp_path, SEVERAL | {"overlays/production/api/notes.md": (b"somebody's notes\n", b"ours\n")})

    first = done.index("replace config.yaml")
    assert done[:first] == ["fsync"] * 6  # everything is on the disk before anything is seen
    assert done[first : first + 6] == [
        *("replace config.yaml", "replace job.yaml", "replace job.yaml", "replace notes.md"),
        *("replace kustomization.yaml", "unlink old.yaml"),
    ]


def give_to_nobody(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        os.lchown(path, 65534, 65534)


def as_nobody(root: Path, scenario: Scenario) -> int:
    """Render as a user who owns the tree's directories no more than the test has given them to him."""

    def action() -> int:
        os.chdir(root)  # he may not walk down to it
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        render(Path(), scenario)
        return OK

    return in_child(action)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to play another user")
def test_a_tree_of_somebody_else_is_refused(tmp_path: Path) -> None:
    build(tmp_path)
    tmp_path.chmod(0o755)
    before = look(tmp_path)

    for scenario in SCENARIOS.values():
        assert as_nobody(tmp_path, scenario) == REFUSED
        assert look(tmp_path) == before


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to play another user")
def test_what_root_writes_into_somebodys_tree_stays_his(tmp_path: Path) -> None:
    build(tmp_path)
    give_to_nobody(tmp_path)

    render(tmp_path, SEVERAL)

    kept = ("overlays/production", "overlays/production/api", "overlays/production/api/job.yaml")
    assert {(tmp_path / path).stat().st_uid for path in kept} == {65534}
