"""Writers are killed, starved and disturbed at every single operation on the file system that they do.

A writer runs in a forked child in which the functions of `os` that change the file system, and `disk.exchange`, are
replaced by ones that can be struck. Before operation n, for every n, is also after operation n - 1.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import traceback
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import pytest

from aegisgen.errors import TreeError
from aegisgen.tree import STAGE, Change, disk, locked, read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

OK, REFUSED, BROKEN, KILLED = 0, 3, 4, -signal.SIGKILL
SPACE = {"open", "write", "fsync", "mkdir", "link", "symlink"}
OPERATIONS = (
    *("open", "write", "fsync", "link", "symlink", "mkdir", "rename", "replace", "unlink", "rmdir"),
    *("chmod", "fchmod", "chown", "fchown", "utime"),
)

Tree = dict[str, object]


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


class Scenario(NamedTuple):
    changes: dict[str, tuple[bytes | None, bytes | None]]
    one_step: bool = True  # kill -9 leaves the old tree or the new one, not just whole files


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
SCENARIOS = {
    "several files": Scenario(SEVERAL),
    "one changed file": Scenario({"overlays/staging/api/job.yaml": (b"staging job\n", b"new\n")}),
    "one file in a new directory": Scenario({"overlays/test/api/job.yaml": (None, b"new\n")}),
    "several new directories": Scenario({f"overlays/test/{n}/job.yaml": (None, b"new\n") for n in range(3)}),
    "one removed file": Scenario({"overlays/staging/api/job.yaml": (b"staging job\n", None)}),
    "a directory that goes": Scenario({"overlays/production/web/old.yaml": (b"old\n", None)}),
    "several directories that go": Scenario(
        {path: (content, None) for path, content in BASE.items() if path.startswith("overlays/staging")}
    ),
    "files that meet in the root only": Scenario(SEVERAL | {"apps/app.yaml": (b"app\n", b"new\n")}, one_step=False),
}


def build(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    for path, content in BASE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "overlays/production/api/job.yaml").chmod(0o640)
    (root / "overlays/production/api/notes.md").chmod(0o600)
    (root / "overlays/production/api").chmod(0o750)
    (root / "overlays/production/link").symlink_to("./api//notes.md")
    (root / "overlays/production/empty").mkdir()


def changes_of(scenario: Scenario) -> list[Change]:
    return [Change(path, before, after) for path, (before, after) in scenario.changes.items()]


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
        write(root, [Change(path, read(root, path), after) for path, (_, after) in scenario.changes.items()])


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
        patches.enter_context(mock.patch.object(disk, "exchange", arm("exchange", disk.exchange)))
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


def is_now(root: Path, scenario: Scenario, expected: Tree) -> bool:
    """The tree is this one; except that one by one may leave a directory that has become empty."""
    seen = look(root)
    if not scenario.one_step:
        seen = {path: state for path, state in seen.items() if path in expected or (root / path).is_file()}
    return seen == expected


# Killed


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_at_any_operation_leaves_the_old_tree_or_the_new_one(tmp_path: Path, name: str) -> None:
    scenario = SCENARIOS[name]
    old, new = old_and_new(tmp_path, scenario)
    left = []
    for number in count(1):
        build(tmp_path)
        if not killed(lambda operation, at=number: operation.number == at, tmp_path, scenario):
            break
        seen = look(tmp_path)
        assert_whole(seen, old, new)
        if scenario.one_step:
            assert seen in (old, new)
        left.append(seen == new)
        if {path.name for path in (tmp_path / STAGE).glob("*")} - {".gitignore"}:
            assert (tmp_path / STAGE / ".gitignore").read_bytes() == b"*\n"

        render(tmp_path, scenario)

        assert is_now(tmp_path, scenario, new)
        assert not (tmp_path / STAGE).exists()
    assert left == sorted(left)  # old up to one point, new from there on
    assert {False, True} == set(left)


@pytest.mark.tools
def test_git_does_not_show_what_a_killed_run_leaves(tmp_path: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git not found, install it with the system's package manager")
    build(tmp_path)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "Start"]):
        subprocess.run([git, *command], cwd=tmp_path, check=True)

    assert killed(lambda operation: operation.name == "exchange", tmp_path, SCENARIOS["several files"])

    status = subprocess.run([git, "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / STAGE / "tree").is_dir()
    assert status.stdout == b""


# Starved


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("error", ["ENOSPC", "EACCES"])
def test_an_error_at_any_operation_leaves_the_tree_as_it_was(tmp_path: Path, name: str, error: str) -> None:
    scenario = SCENARIOS[name]
    old, new = old_and_new(tmp_path, scenario)
    outcomes = []
    for number in count(1):
        build(tmp_path)
        with armed(lambda operation, at=number: operation.number == at, fail(getattr(errno, error))) as struck:
            outcomes.append(refused(tmp_path, scenario))
        if not struck:
            break
        assert is_now(tmp_path, scenario, old if outcomes[-1] else new), struck
        if outcomes[-1]:
            assert not (tmp_path / STAGE).exists()
        elif (tmp_path / STAGE).exists():  # the error hit its removal
            render(tmp_path, scenario)
            assert is_now(tmp_path, scenario, new)
        assert not (tmp_path / STAGE).exists()
    assert set(outcomes) == {True, False}


@pytest.mark.parametrize("name", ["several files", "a directory that goes", "files that meet in the root only"])
@pytest.mark.parametrize("lasting", ["space", "everything"])
def test_an_error_that_lasts_is_no_worse(tmp_path: Path, name: str, lasting: str) -> None:
    scenario = SCENARIOS[name]
    old, new = old_and_new(tmp_path, scenario)
    for number in count(1):
        build(tmp_path)
        with armed(
            lambda operation, at=number: (
                operation.number >= at and (lasting == "everything" or operation.name in SPACE)
            ),
            fail(errno.ENOSPC),
        ) as struck:
            is_refused = refused(tmp_path, scenario)
        if not struck:
            break
        if scenario.one_step or lasting == "space":
            assert is_now(tmp_path, scenario, old if is_refused else new), struck
        assert_whole(look(tmp_path), old, new)
        if (tmp_path / STAGE).exists():
            render(tmp_path, scenario)
            assert is_now(tmp_path, scenario, new)
        assert not (tmp_path / STAGE).exists()


def test_what_cannot_be_taken_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    replace, calls = os.replace, count(1)

    def failing(*args: str) -> None:
        if next(calls) > 1:
            raise OSError(errno.EIO, "the disk is gone")
        replace(*args)

    monkeypatch.setattr(os, "replace", failing)
    changes = [Change("apps/app.yaml", b"app\n", b"1"), Change("overlays/staging/api/job.yaml", b"staging job\n", b"2")]

    with pytest.raises(TreeError, match=r"the disk is gone.*could not be taken back.*apps/app\.yaml"):
        write(tmp_path, changes)


def test_the_message_names_the_reason_and_not_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: fail(errno.ENOSPC)())

    with pytest.raises(TreeError) as caught:
        render(tmp_path, SCENARIOS["several files"])

    assert str(caught.value) == f"{tmp_path}: No space left on device; nothing was written"


# Disturbed


SAVED = {
    f"overlays/production/api/{name}": ("0o100600", b"saved\n") for name in ("notes.md", "kustomization.yaml", "new.md")
}


def save(root: Path, *, replace: Callable[[Path, Path], None] = os.replace) -> None:
    """An editor saves two files, one of them aegisgen's, and a new one: written beside, then renamed over."""
    for path in SAVED:
        beside = root / f"{path}.saving"
        beside.touch(0o600)
        beside.write_bytes(b"saved\n")
        replace(beside, root / path)  # the real one, even where `os` is armed


@pytest.fixture
def saving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let somebody save right before the swap; the path returned exists once that has happened."""
    exchange = disk.exchange
    marker = tmp_path / "saved"

    def save_and_exchange(one: Path, other: Path) -> None:
        save(tmp_path / "root")
        marker.touch()
        exchange(one, other)

    monkeypatch.setattr(disk, "exchange", save_and_exchange)
    return marker


def test_what_is_saved_between_copy_and_swap_is_kept(tmp_path: Path, saving: Path) -> None:
    root = tmp_path / "root"
    build(root)

    render(root, SCENARIOS["several files"])

    seen = look(root)
    assert saving.exists()
    assert seen == seen | SAVED
    assert seen["overlays/production/worker/api/job.yaml"] == ("0o100644", b"worker\n")
    assert not (root / STAGE).exists()


def test_what_is_saved_between_copy_and_swap_outlives_a_kill(tmp_path: Path, saving: Path) -> None:
    root = tmp_path / "root"
    rescued = 0
    for number in count(1):
        build(root)
        saving.unlink(missing_ok=True)
        if not killed(lambda operation, at=number: operation.number == at, root, SCENARIOS["several files"]):
            break
        missing = SAVED.items() - look(root).items()

        with locked(root, wait=0):
            write(root, [])

        if saving.exists():
            assert not SAVED.items() - look(root).items()
            rescued += len(missing)
        assert not (root / STAGE).exists()
    assert rescued


def test_what_is_saved_after_a_kill_is_not_undone_by_what_was_saved_before(tmp_path: Path, saving: Path) -> None:
    root = tmp_path / "root"
    build(root)
    assert killed(lambda operation: operation.name == "replace", root, SCENARIOS["several files"])
    assert (root / "overlays/production/api/kustomization.yaml").read_bytes() == B  # swapped, nothing carried over yet
    (root / "overlays/production/api/notes.md").write_bytes(b"later\n")
    (root / "overlays/production/api/kustomization.yaml").write_bytes(b"later\n")

    with locked(root):
        write(root, [])

    assert (root / "overlays/production/api/notes.md").read_bytes() == b"later\n"
    assert (root / "overlays/production/api/kustomization.yaml").read_bytes() == b"later\n"
    assert (root / "overlays/production/api/new.md").read_bytes() == b"saved\n"


@pytest.mark.parametrize("operation", ["link", "utime"])
def test_a_file_of_ours_that_is_saved_before_the_last_look_stops_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    build(tmp_path)
    original = getattr(os, operation)

    def saving(*args: object, **named: object) -> None:
        original(*args, **named)
        (tmp_path / "overlays/production/api/kustomization.yaml").write_bytes(b"saved\n")

    monkeypatch.setattr(os, operation, saving)

    with pytest.raises(TreeError, match="was changed while aegisgen ran"):
        write(tmp_path, changes_of(SCENARIOS["several files"]))

    assert (tmp_path / "overlays/production/api/kustomization.yaml").read_bytes() == b"saved\n"
    assert (tmp_path / "overlays/production/api/job.yaml").read_bytes() == b"production job\n"
    assert not (tmp_path / STAGE).exists()


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


# What stays as it was, and the way that is taken


def production(root: Path) -> int:
    """The directory that a swap replaces by another one."""
    return (root / "overlays/production").stat().st_ino


def test_what_is_not_ours_stays_the_same_and_modes_are_kept(tmp_path: Path) -> None:
    build(tmp_path)
    before, directory = look(tmp_path), production(tmp_path)
    os.utime(tmp_path / "overlays/production/api", ns=(1, 1))
    notes = (tmp_path / "overlays/production/api/notes.md").stat()

    render(tmp_path, SCENARIOS["several files"])

    after, kept = look(tmp_path), (tmp_path / "overlays/production/api/notes.md").stat()
    assert production(tmp_path) != directory
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


def test_a_single_file_is_replaced_in_its_directory(tmp_path: Path) -> None:
    build(tmp_path)
    directory = (tmp_path / "overlays/staging/api").stat().st_ino

    render(tmp_path, SCENARIOS["one changed file"])

    assert (tmp_path / "overlays/staging/api").stat().st_ino == directory


def test_new_files_obey_the_umask(tmp_path: Path) -> None:
    build(tmp_path)

    def action() -> int:
        os.umask(0o027)
        render(tmp_path, SCENARIOS["several files"])
        return OK

    assert in_child(action) == OK
    assert (tmp_path / "overlays/production/worker").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "overlays/production/worker/api/job.yaml").stat().st_mode & 0o777 == 0o640


def test_the_working_directory_is_not_pulled_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, new = old_and_new(tmp_path, SCENARIOS["several files"])
    build(tmp_path)
    directory = production(tmp_path)
    monkeypatch.chdir(tmp_path / "overlays/production/api")

    render(tmp_path, SCENARIOS["several files"])

    assert production(tmp_path) == directory
    assert Path("config.yaml").is_file()
    assert look(tmp_path) == new


@pytest.mark.parametrize(
    ("module", "operation", "error"),
    [
        (disk, "exchange", errno.ENOSYS),
        (disk, "exchange", errno.EINVAL),
        (disk, "exchange", errno.EOPNOTSUPP),
        (disk, "exchange", errno.EBUSY),
        (os, "link", errno.EPERM),
        (os, "link", errno.EXDEV),
        (os, "link", errno.EMLINK),
    ],
)
def test_where_a_swap_is_impossible_files_are_replaced_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, operation: str, error: int
) -> None:
    _, new = old_and_new(tmp_path, SCENARIOS["several files"])
    build(tmp_path)
    directory = production(tmp_path)
    monkeypatch.setattr(module, operation, lambda *_, **__: fail(error)())

    render(tmp_path, SCENARIOS["several files"])

    assert production(tmp_path) == directory
    assert look(tmp_path) == new
    assert not (tmp_path / STAGE).exists()


def test_a_file_system_that_cannot_sync_directories_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    directory = production(tmp_path)

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fsync)

    render(tmp_path, SCENARIOS["several files"])

    assert production(tmp_path) != directory


def test_without_links_too_an_error_half_way_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    before = look(tmp_path)
    monkeypatch.setattr(os, "link", lambda *_, **__: fail(errno.EPERM)())
    unlink = os.unlink

    def failing(path: str, **named: int) -> None:
        if Path(path) == tmp_path / "overlays/production/web/old.yaml":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        unlink(path, **named)

    monkeypatch.setattr(os, "unlink", failing)

    with pytest.raises(TreeError, match=r"old\.yaml: Input/output error; nothing was written"):
        write(tmp_path, changes_of(SCENARIOS["several files"]))

    assert look(tmp_path) == before


def test_one_by_one_means_new_files_first_and_removals_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    replace, unlink, order = os.replace, os.unlink, []

    def replacing(old: Path, new: Path) -> None:
        order.append(new.name)
        replace(old, new)

    def unlinking(path: Path, **named: int) -> None:
        order.append(f"- {Path(path).name}")
        unlink(path, **named)

    monkeypatch.setattr(disk, "exchange", lambda *_: fail(errno.ENOSYS)())
    monkeypatch.setattr(os, "replace", replacing)
    monkeypatch.setattr(os, "unlink", unlinking)

    render(tmp_path, Scenario(SEVERAL | {"overlays/production/api/notes.md": (b"somebody's notes\n", b"ours\n")}))

    assert order[:6] == ["config.yaml", "job.yaml", "job.yaml", "notes.md", "kustomization.yaml", "- old.yaml"]


def test_a_mount_inside_the_directory_is_not_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, new = old_and_new(tmp_path, SCENARIOS["several files"])
    build(tmp_path)
    directory, walk = production(tmp_path), disk.walk

    def with_mount(top: Path) -> Iterator[tuple[str, os.stat_result]]:
        for path, status in walk(top):
            fields = list(status)
            fields[stat.ST_DEV] += path == "empty"
            yield path, os.stat_result(fields)

    monkeypatch.setattr(disk, "walk", with_mount)

    render(tmp_path, SCENARIOS["several files"])

    assert production(tmp_path) == directory
    assert look(tmp_path) == new


@pytest.mark.parametrize(
    ("name", "directories"), [("several files", 5), ("one changed file", 0), ("several new directories", 4)]
)
def test_everything_is_on_the_disk_before_it_is_seen(tmp_path: Path, name: str, directories: int) -> None:
    build(tmp_path)
    done: list[str] = []
    with armed(lambda operation: done.append(operation.name) is not None, lambda: None):
        render(tmp_path, SCENARIOS[name])

    commit = next(index for index, name in enumerate(done) if name in {"exchange", "replace", "rename"})
    assert "write" in done[:commit]
    assert "write" not in done[commit:]
    assert done[:commit].count("fsync") >= done[:commit].count("open") + directories
    assert done[commit + 1] == "fsync"  # and then the step itself


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the numbers of system calls are Linux'")
def test_a_libc_without_renameat2_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class OldLibc:
        syscall = ctypes.CDLL(None, use_errno=True).syscall

    build(tmp_path)
    directory = production(tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: OldLibc)

    disk.exchange(tmp_path / "overlays/staging", tmp_path / "overlays/production")

    assert (tmp_path / "overlays/staging").stat().st_ino == directory
    with pytest.raises(FileNotFoundError):
        disk.exchange(tmp_path / "overlays", tmp_path / "missing")


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
def test_a_directory_beside_ours_that_may_not_be_read_is_no_obstacle(
    tmp_path: Path,
) -> None:
    build(tmp_path)
    give_to_nobody(tmp_path)
    os.chown(tmp_path / "overlays/production/api/kustomization.yaml", 0, 0)
    secret = tmp_path / "overlays/production/secret"
    secret.mkdir(0o700)
    (secret / "key").write_bytes(b"secret")

    assert as_nobody(tmp_path, SCENARIOS["several files"]) == OK

    assert (secret / "key").read_bytes() == b"secret"
    assert (tmp_path / "overlays/production/api/kustomization.yaml").read_bytes() == B  # was root's
    assert (tmp_path / "overlays/production/worker/api/job.yaml").read_bytes() == b"worker\n"
    assert not (tmp_path / STAGE).exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to play another user")
def test_what_root_writes_into_somebodys_tree_stays_his(tmp_path: Path) -> None:
    build(tmp_path)
    give_to_nobody(tmp_path)

    render(tmp_path, SCENARIOS["several files"])

    kept = ("overlays/production", "overlays/production/api", "overlays/production/api/job.yaml")
    assert {(tmp_path / path).stat().st_uid for path in kept} == {65534}


def test_a_directory_that_may_not_be_written_is_carried_along(tmp_path: Path) -> None:
    build(tmp_path)
    locked_up = tmp_path / "overlays/production/empty"
    (locked_up / "file").touch()
    locked_up.chmod(0o555)
    directory = production(tmp_path)

    if os.getuid():
        render(tmp_path, SCENARIOS["several files"])
    else:  # to whom modes mean nothing
        give_to_nobody(tmp_path)
        assert as_nobody(tmp_path, SCENARIOS["several files"]) == OK

    assert production(tmp_path) != directory
    assert locked_up.stat().st_mode & 0o777 == 0o555
    assert (locked_up / "file").exists()
    assert not (tmp_path / STAGE).exists()
    locked_up.chmod(0o755)
