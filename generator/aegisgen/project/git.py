"""What git says has changed, and what files were. Reads the repository, changes nothing, needs no network."""

from __future__ import annotations

import os
import posixpath
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from aegisgen import files
from aegisgen.errors import ToolError, UsageError
from aegisgen.record import Record

_TIMEOUT_SECONDS = 120
_WHOLE = ["--full-name", "-z", "--", ":/"]
# Set where a hook of git's own runs, and meant for git; relative ones are so to where that hook runs.
_PATHS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
# The user's own settings, such as safe.directory, and how far up git looks. No other GIT_* reaches git.
_KEPT = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
# A repository may be a stranger's, its .git/config included: nothing that this names is run, and nothing is fetched.
_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "core.gitProxy=",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "submodule.recurse=false",
    "diff.submodule=short",
)
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # over protocol.<name>.allow of the repository, which core settings are not
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_SUBMODULE, _LINK, _PROGRAM = "160000", "120000", "100755"
# A submodule is looked at by itself: git would start another git there, which that one's .git/config configures.
_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")


class Repository(Record):
    """A commit of the repository that a project lies in."""

    root: Path
    prefix: str
    """The project's folder seen from the top of the repository; empty where it is that."""
    commit: str

    def changed(self) -> frozenset[str]:
        """Return the paths that differ from the commit, as seen from the project's folder.

        That is what is committed since, staged, not staged, untracked, ignored, or hidden from git on request
        (`git update-index --assume-unchanged`). A renamed file is two paths. Outside of the project a submodule, and a
        folder in which git knows no file, is told as a folder; inside, a submodule is told as the project (".").
        """
        diff = ["diff", "--name-only", "--no-renames", *_PLAIN_DIFF, "-z", self.commit, "--"]
        # Side by side: each looks at all files once.
        listings = (
            [*_without_filters(self.root), *diff],
            ["ls-files", "--others", "--directory", *_WHOLE],
            ["ls-files", "-v", "--stage", *_WHOLE],
        )
        with ExitStack() as running:
            started = [running.enter_context(_start(self.root, *arguments)) for arguments in listings]
            different, others, listed = (_finish(process).split("\0") for process in started)
        # Lower case: assumed to be unchanged; S: not to be in the working tree, and maybe there all the same.
        hidden = [_path(line) for line in listed if line[:1].islower() or line[:2] == "S "]
        top = self.root / posixpath.relpath("/", f"/{self.prefix}")
        dirty = [path for path in _submodules(listed) if _is_dirty(top / path)]
        seen = {self._seen(path) for path in (*different, *others, *hidden, *dirty) if path}
        return frozenset(name for path in seen for name in self._files(path))

    def _seen(self, path: str) -> str:
        """Return a path of the repository as it is seen from the project's folder; that of a folder ends in a slash."""
        seen = posixpath.relpath(f"/{path}", f"/{self.prefix}")
        return f"{seen}/" if path.endswith("/") else seen

    def _files(self, path: str) -> Iterator[str]:
        if path.startswith("../") or path in {"./", ".."}:
            yield path.rstrip("/")
        elif path.endswith("/"):
            for folder, _, names in files.walk(self.root / path):
                yield from (Path(folder, name).relative_to(self.root).as_posix() for name in names)
        else:
            yield "." if (self.root / path).is_dir() else path

    def unpack(self, folder: Path) -> bool:
        """Write the project's files as the commit has them, links as links; return whether it has any.

        No filter of git runs, and submodules are left out. Raises UsageError for a tree that leads out of the folder.
        """
        tree = _finish(_start(self.root, "ls-tree", "-r", "-z", "--full-name", self.commit, "--", ".")).split("\0")
        modes = {
            self._seen(path): entry.split()[0] for entry in tree if entry for _, _, path in [entry.partition("\t")]
        }
        if ".." in {part for path in modes for part in path.split("/")}:
            raise UsageError(f"the tree of {self.commit} has a path that leads out of it")
        # Links last: nothing is written through one.
        paths = [path for path, mode in modes.items() if mode != _SUBMODULE]
        paths.sort(key=lambda path: modes[path] == _LINK)
        for path, content in self.contents(paths).items():
            if content is None:
                continue
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if modes[path] == _LINK:
                file.symlink_to(os.fsdecode(content))
            else:
                file.write_bytes(content)
                file.chmod(0o755 if modes[path] == _PROGRAM else 0o644)
        return bool(modes)

    def contents(self, paths: list[str]) -> dict[str, bytes | None]:
        """Return what the files at these paths, seen from the project's folder, held at the commit; None: not there."""
        wanted = {path: posixpath.normpath(posixpath.join(self.prefix, path)) for path in paths if "\n" not in path}
        request = "".join(f"{self.commit}:{name}\n" for name in wanted.values())
        process = _start(self.root, "cat-file", "--batch", stdin=subprocess.PIPE)
        answer = _communicate(process, os.fsencode(request))
        contents: dict[str, bytes | None] = dict.fromkeys(paths)
        place = 0
        for path in wanted:
            end = answer.index(b"\n", place)
            head = answer[place:end].split()
            place = end + 1
            if len(head) == 3 and head[2].isdigit():  # noqa: PLR2004 - object, type and size; else "... missing"
                size = int(head[2])
                if head[1] == b"blob":
                    contents[path] = answer[place : place + size]
                place += size + 1
        return contents


def open_repository(root: Path, revision: str) -> Repository:
    """Find the repository of a project and a revision in it.

    Raises UsageError where there is no repository or no such revision, ToolError where git is missing.
    """
    real = os.path.realpath(root)
    try:
        top = _finish(_start(root, "rev-parse", "--show-toplevel")).removesuffix("\n")
    except UsageError as error:
        message = f"--changed-since needs a git repository, and {root} is in none ({error})"
        raise UsageError(message) from None
    if "GIT_DIR" not in os.environ and not os.path.lexists(f"{top}/.git"):
        raise UsageError(f"the repository of {root} has its work tree elsewhere, in {top}; expected it around {root}")
    try:
        if revision.startswith("-"):
            raise UsageError
        commit = _finish(_start(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"))
    except UsageError:
        shallow = _finish(_start(root, "rev-parse", "--is-shallow-repository")).strip() == "true"
        more = (
            "; this clone is shallow, and may not reach back so far: fetch more of the history "
            "(git fetch --unshallow, or fetch-depth: 0 for actions/checkout)"
        )
        raise UsageError(f"no revision {revision!r} in this repository{more if shallow else ''}") from None
    prefix = posixpath.relpath(real, os.path.realpath(top))
    return Repository(root, "" if prefix == "." else prefix, commit.strip())


def fork_point(root: Path) -> str | None:
    """Return the commit at which a folder's branch left the main one; None where there is no repository or no such."""
    for main in ("origin/HEAD", "origin/main", "origin/master", "main", "master"):
        try:
            return _finish(_start(root, "merge-base", "HEAD", main)).strip()
        except (UsageError, ToolError):
            continue
    return None


def others(root: Path) -> list[str]:
    """Return what is in a folder and not in git's index, ignored or not, as seen from the folder.

    A folder in which git knows no file is told as a folder (`overlays/`). Raises UsageError where there is no work
    tree, ToolError where git is missing.
    """
    return [path for path in _finish(_start(root, "ls-files", "--others", "--directory", "-z")).split("\0") if path]


def ignore_rules(root: Path, paths: list[str]) -> dict[str, str]:
    """Return for those of some paths that git ignores the file that says so, its line and, after a tab, the pattern."""
    process = _start(root, "check-ignore", "--verbose", "-z", "--stdin", stdin=subprocess.PIPE)
    answer = _communicate(process, b"".join(os.fsencode(path) + b"\0" for path in paths), accepted=(0, 1))
    fields = os.fsdecode(answer).split("\0")
    matches = zip(*[iter(fields)] * 4, strict=False)
    return {path: f"{file}:{line}\t{rule}" for file, line, rule, path in matches if not rule.startswith("!")}


def command(root: Path, *arguments: str) -> list[str]:
    """Return the command line of a git that works in a folder and runs nothing that the repository names."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    return ["git", "--no-pager", "-C", str(root), *settings, *arguments]


def environment() -> dict[str, str]:
    """Return the environment of such a git; without the variables that a hook of git's own has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}
    return kept | _ENVIRONMENT


def _without_filters(root: Path, *, hook: bool = True) -> list[str]:
    """Return the settings that switch off the filters of the repository's own config; git runs them to compare."""
    process = _start(root, "config", "--show-scope", "-z", "--get-regexp", r"^filter\.", hook=hook)
    answer = _communicate(process, accepted=(0, 1))
    fields = os.fsdecode(answer).split("\0")
    keys = {
        setting.partition("\n")[0].rpartition(".")[0]
        for scope, setting in zip(fields[::2], fields[1::2], strict=False)
        if scope in {"local", "worktree"}
    }
    if any("=" in key for key in keys):
        raise UsageError(f"the repository of {root} configures a filter whose name has '=' in it; remove it")
    off = [f"{key}.{field}" for key in sorted(keys) for field in ("clean=", "process=", "required=false")]
    return [word for setting in off for word in ("-c", setting)]


def _path(line: str) -> str:
    return line.partition("\t")[2]


def _submodules(listed: list[str]) -> Iterator[str]:
    return (_path(line) for line in listed if line[2:].startswith(_SUBMODULE))


def _is_dirty(submodule: Path) -> bool:
    """Tell whether the work tree of a submodule, or of one in it, is not what is committed there."""
    if not os.path.lexists(submodule / ".git"):
        return False
    status = ["status", "--porcelain", "--ignore-submodules=dirty"]
    if _finish(_start(submodule, *_without_filters(submodule, hook=False), *status, hook=False)):
        return True
    listed = _finish(_start(submodule, "ls-files", "-v", "--stage", *_WHOLE, hook=False)).split("\0")
    return any(_is_dirty(submodule / path) for path in _submodules(listed))


def _start(root: Path, *arguments: str, stdin: int = subprocess.DEVNULL, hook: bool = True) -> subprocess.Popen[bytes]:
    """Start git; `hook`: in the repository that a hook of git's own, if this runs in one, says."""
    given = {name: os.path.abspath(os.environ[name]) for name in _PATHS if hook and os.environ.get(name)}  # noqa: PTH100
    if "GIT_DIR" in given:
        given.setdefault("GIT_WORK_TREE", str(Path.cwd()))  # as git takes it
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            command(root, *arguments), stdin=stdin, stdout=pipe, stderr=pipe, env=environment() | given
        )
    except FileNotFoundError:
        raise ToolError("git not found, install it") from None


def _finish(process: subprocess.Popen[bytes]) -> str:
    return os.fsdecode(_communicate(process))


def _communicate(
    process: subprocess.Popen[bytes], request: bytes | None = None, accepted: tuple[int, ...] = (0,)
) -> bytes:
    with process:
        try:
            out, err = process.communicate(request, timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ToolError(f"git did not finish within {_TIMEOUT_SECONDS} s") from None
    if process.returncode not in accepted:
        message = os.fsdecode(err).strip().removeprefix("fatal: ")
        raise UsageError(message or f"git failed with exit code {process.returncode}")
    return out
