"""The cache never gives a wrong answer, whatever becomes of its files, and never fails."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.tools import need
from tests.trees import put

from aegisgen.kube import cache as module
from aegisgen.kube.cache import Cache, digest, home

ANSWER = b"what was found out" * 20


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "answers")


def file_of(cache: Cache, key: str) -> Path:
    return cache.folder / key[:2] / key[2:]


def test_an_answer_comes_back_under_its_own_key_only(cache) -> None:
    cache.put(digest("a"), ANSWER)
    cache.put(digest("empty"), b"")
    assert cache.get(digest("a")) == ANSWER
    assert cache.get(digest("empty")) == b""
    assert cache.get(digest("b")) is None


def test_the_folder_and_the_answers_are_for_their_owner_only(cache) -> None:
    cache.put(digest("a"), ANSWER)
    file = file_of(cache, digest("a"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_digest_knows_where_each_part_ends() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", ""), digest("", "abc")}) == 5
    assert digest("a") == digest(b"a")
    assert digest("\udc80") == digest(b"\x80")  # a name that is no UTF-8


def damages(whole: bytes) -> Iterator[bytes]:
    """Every way in which an answer can be short, and every one in which a bit of each byte can be wrong."""
    yield from (whole[:length] for length in range(len(whole)))
    yield from (whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(len(whole)))
    yield whole + b"\0"


def test_a_damaged_answer_is_none_and_is_replaced(cache) -> None:
    key = digest("a")
    cache.put(key, ANSWER)
    for damaged in damages(file_of(cache, key).read_bytes()):
        file_of(cache, key).write_bytes(damaged)
        assert cache.get(key) is None
    cache.put(key, ANSWER)
    assert cache.get(key) == ANSWER


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_a_foreign_file_is_none(tmp_path_factory, content) -> None:
    cache = Cache(tmp_path_factory.getbasetemp() / "foreign")
    file = file_of(cache, digest("a"))
    put(file.parent, {file.name: content})
    assert cache.get(digest("a")) is None


def test_an_answer_that_was_moved_to_another_key_is_none(cache) -> None:
    cache.put(digest("a"), ANSWER)
    other = file_of(cache, digest("b"))
    other.parent.mkdir(parents=True, exist_ok=True)
    file_of(cache, digest("a")).rename(other)
    assert cache.get(digest("b")) is None


@pytest.mark.parametrize("obstacle", ["file", "folder", "link"])
def test_what_stands_in_the_way_makes_no_error(cache, obstacle) -> None:
    key = digest("a")
    file = file_of(cache, key)
    if obstacle == "file":
        cache.folder.parent.mkdir(exist_ok=True)
        cache.folder.write_text("not a folder")
    elif obstacle == "folder":
        file.mkdir(parents=True)
    else:
        file.parent.mkdir(parents=True)
        file.symlink_to("nowhere")
    assert cache.get(key) is None
    cache.put(key, ANSWER)
    assert cache.get(key) == (ANSWER if obstacle == "link" else None)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("call", ["mkdir", "open", "write", "replace"])
def test_a_full_disk_costs_the_answer_and_nothing_else(cache, monkeypatch, number, call) -> None:
    key = digest("a")

    def fail(*arguments: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    class Full:
        def __init__(self, stream: object) -> None:
            self.stream = stream

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

        write = fail

    real = open
    if call == "mkdir":
        monkeypatch.setattr(Path, "mkdir", fail)
    elif call == "open":
        monkeypatch.setattr(os, "open", fail)
    elif call == "write":
        monkeypatch.setattr(module, "open", lambda *a: Full(real(*a)) if "wb" in a else real(*a), raising=False)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    cache.put(key, ANSWER)
    monkeypatch.undo()

    assert cache.get(key) is None
    assert [file for file in cache.folder.rglob("*") if file.is_file()] == []


@pytest.mark.skipif(not Path("/dev/shm").is_dir() or os.geteuid() != 0, reason="a full disk is made by mounting one")
def test_a_disk_that_is_really_full_costs_answers_and_nothing_else(tmp_path) -> None:
    need("mount", "umount")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this container may not mount")
    try:
        cache = Cache(disk / "answers")
        answers = {digest(str(number)): os.urandom(3000) for number in range(60)}
        for key, answer in answers.items():
            cache.put(key, answer)
        found = {key: cache.get(key) for key in answers}
    finally:
        subprocess.run(["umount", disk], check=True)
    assert {answer for answer in found.values() if answer} < set(answers.values())
    assert all(found[key] in {None, answer} for key, answer in answers.items())
    assert any(found.values())


def _keys_in_one_folder(count: int) -> list[str]:
    """Keys of one folder, none of which makes it be looked through but the last."""
    found, number = [], 0
    while len(found) < count:
        number += 1
        key = f"ab{number:038x}"
        found.append(key[:2] + "0001" + key[6:])
    return [*found, "ab0000" + "f" * 34]


def test_what_nobody_wanted_for_longest_goes_when_there_is_too_much(tmp_path) -> None:
    keys = _keys_in_one_folder(20)
    cache = Cache(tmp_path, limit=256 * 10 * 4096)
    now = time.time()
    for age, key in enumerate(keys[:-1]):
        cache.put(key, b"x" * 100)
        os.utime(file_of(cache, key), (now - 1000 + age, now - 1000 + age))
    assert all(cache.get(key) for key in keys[:-1])

    cache.put(keys[-1], b"x" * 100)

    assert [key for key in keys if cache.get(key)] == keys[-10:]


def test_what_is_wanted_is_young_again(tmp_path) -> None:
    cache = Cache(tmp_path)
    key = digest("a")
    cache.put(key, ANSWER)
    old = time.time() - 3 * 86_400
    os.utime(file_of(cache, key), (old, old))
    cache.get(key)
    assert file_of(cache, key).stat().st_mtime > old + 86_400


def test_what_a_killed_run_left_behind_goes_after_an_hour(tmp_path) -> None:
    cache = Cache(tmp_path)
    key = "ab0000" + "f" * 34
    folder = tmp_path / "ab"
    folder.mkdir()
    old, young = folder / ".1-0", folder / ".2-0"
    for file in (old, young):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    cache.put(key, ANSWER)
    assert (old.exists(), young.exists(), cache.get(key)) == (False, True, ANSWER)


def test_an_answer_larger_than_its_share_is_not_kept(tmp_path) -> None:
    cache = Cache(tmp_path, limit=256 * 4096)
    cache.put(digest("a"), os.urandom(4096))
    assert cache.get(digest("a")) is None


_WRITER = """
import sys
from pathlib import Path
from aegisgen.kube.cache import Cache, digest
cache = Cache(Path(sys.argv[1]), limit=256 * 8192)
for number in range(400):
    key, answer = digest(str(number % 50)), str(number % 50).encode() * 100
    found = cache.get(key)
    if found not in (None, answer):
        sys.exit(f"wrong answer for {number}")
    cache.put(key, answer)
"""


def test_eight_processes_at_once_never_see_a_wrong_answer(tmp_path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "generator")}
    running = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], env=environment, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    assert [(process.communicate()[1], process.returncode) for process in running] == [(b"", 0)] * 8
    assert not [file for file in tmp_path.rglob(".*") if file.is_file()]


def test_the_folder_is_xdgs_or_in_the_home(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert home() == Path("/somewhere/aegisgen")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert home() == tmp_path / ".cache/aegisgen"


@pytest.mark.parametrize(
    "case", ["no home", "relative", "relative home", "in the tree", "link", "other's", "open", "open below"]
)
def test_no_place_that_is_not_the_users_alone_is_used(monkeypatch, tmp_path, case) -> None:
    base = tmp_path / "cache"
    (base / "aegisgen/answers").mkdir(parents=True)
    for folder in (base / "aegisgen", base / "aegisgen/answers"):
        folder.chmod(0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(base))
    assert module.answers() is not None
    if case == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.delenv("HOME", raising=False)
    elif case == "relative":
        monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    elif case == "relative home":
        monkeypatch.setenv("XDG_CACHE_HOME", "")
        monkeypatch.setenv("HOME", "~")
    elif case == "in the tree":
        monkeypatch.setattr(module.files, "_trees", [str(tmp_path.resolve())])
    elif case == "link":
        (base / "aegisgen").rename(base / "elsewhere")
        (base / "aegisgen").symlink_to("elsewhere")
    elif case == "other's":
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    else:
        (base / "aegisgen" / ("answers" if "below" in case else "")).chmod(0o770)
    assert module.answers() is None


def test_the_command_says_what_there_is_and_clears_it(monkeypatch, tmp_path, cli) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir("/")
    assert cli("cache").out == f"0 files, 0.0 MB in {tmp_path}/aegisgen, of at most 512 MB\n".replace(
        f"{tmp_path}", str(tmp_path)[1:]
    )
    module.answers().put(digest("a"), os.urandom(200_000))
    assert cli("cache").out.startswith("1 files, 0.2 MB in ")
    assert cli("cache", "--clear").out.startswith("1 files, 0.2 MB removed from ")
    assert not (tmp_path / "aegisgen").exists()
    assert cli("cache", "--clear").code == 0
