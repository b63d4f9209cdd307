"""What Kustomize makes of a directory: the real tool, run without a shell, a network or the caller's environment."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path

from aegisgen.bundle import programs
from aegisgen.errors import CompositionError, Problem, ToolError
from aegisgen.kube.overlay import Overlay, read_overlay
from aegisgen.kube.process import answer, without_network
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.record import Record
from aegisgen.yaml.scalars import Dialect
from aegisgen.yaml.source import Document, parse

MISSING = "kustomize not found, install it with: pip install 'aegisgen[compose]' (or put kustomize or kubectl on PATH)"
# Patterns are texts: only who composes, and fails, pays for compiling them.
_KLOG = r'(?sm)^[EF]\d{4} .*?err=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|<\n(?P<block>.*?)\n ?>)'
_REMOTE = r"accumulating resources from '(?P<url>(?:https?|ssh|git|file)://[^']+|git@[^']+|github\.com/[^']+)'"
# Kustomize reports every attempt on the way down; who fixes the file needs the last link of the chain alone.
_SHORTENED = (
    (r"accumulating resources: accumulation err='(?=accumulating)", ""),
    (r"accumulating resources from '[^']*': '[^']*' must resolve to a file': ", ""),
    (r"(?:recursed accumulation of path|couldn't make target for path) '([^']*)': ", r"in \1: "),
    (r"trouble configuring builtin \w+ with config: `[^`]*`: ", ""),
    (r"(?:evalsymlink failure on '[^']*' : lstat|open) ([^\s:]+): no such file or directory", r"\1 does not exist"),
    (r"accumulating resources from '([^']*)': \S+ does not exist.*", r"\1 does not exist"),
    (
        r"merging from generator .*Kind:\"(\w+)\".*Name:\"([^\"]*)\", Namespace:\"\"\} does not exist; cannot.*",
        r"no \1 \2 is there to merge with: add it to the base, or write behavior: create",
    ),
    (
        r"merging from generator .*Kind:\"(\w+)\".*Name:\"([^\"]*)\", Namespace:\"([^\"]+)\"\} does not exist; can.*",
        r"no \1 \2 with namespace \3 is there to merge with: write the entry without a namespace, as the base has it",
    ),
)


class Composition(Record):
    """The objects of a build in the order in which Kustomize printed them, and its warnings, a line each."""

    documents: tuple[Document, ...]
    warnings: tuple[str, ...]


class Composed(Record):
    """One overlay. `application` is what deploys it as far as the project's `apps/` says so."""

    directory: Path
    resources: tuple[Resource, ...]
    application: Resource | None


class Output(Record):
    """What a successful build printed."""

    out: str
    err: str


def composer() -> tuple[str, ...] | None:
    """Return the command that composes a directory given as its next argument, None where there is no tool.

    kustomize on PATH comes before kubectl on PATH, and that before the kubectl of a wheel (the extra `compose`).
    """
    return _composer_on(os.environ.get("PATH", os.defpath))


def compose(directory: Path) -> Composition:
    """Build `directory` with `kustomize build`, or with `kubectl kustomize` where that is all there is.

    The documents' source is the directory: what they say was composed and stands in no file. Files outside the
    kustomization's own directory and remote bases are refused, the latter because nothing here goes to the network.
    Raises CompositionError where Kustomize fails, ToolError where it is missing or does not come to an end.
    """
    return composition(run_build(directory), directory)


def run_build(directory: Path, overlay: Overlay | None = None) -> Output:
    """Build `directory` and return what was printed; raises as `compose` does. `overlay`: if it has been read."""
    command = composer()
    if command is None:
        raise ToolError(MISSING)
    if not directory.is_dir():
        raise CompositionError(Problem(directory.as_posix(), 0, 0, "", "no such directory"))
    from aegisgen.kube.reach import refuse  # noqa: PLC0415 - a millisecond of each start that composes nothing

    refuse(read_overlay(directory) if overlay is None else overlay)
    code, out, err = answer((*without_network(), *command, str(directory)))
    if code != 0:
        raise CompositionError(Problem(_kustomization_of(directory), 0, 0, "", readable(err, directory)))
    return Output(out, err)


def composition(output: Output, directory: Path) -> Composition:
    """Read what a build of `directory` printed. Raises ToolError where that is no YAML."""
    documents = []
    for document in parse(output.out, directory.as_posix(), Dialect.PLAIN):
        if isinstance(document, Problem):
            raise ToolError(f"Kustomize printed YAML that cannot be read back: {document}")
        documents.append(document)
    warnings = (re.sub(r"^# Warning: ", "", line.strip()) for line in output.err.splitlines() if line.strip())
    return Composition(tuple(documents), tuple(warnings))


def readable(stderr: str, directory: Path) -> str:
    """Turn what Kustomize or kubectl wrote on stderr into one message, with paths relative to `directory`."""
    message = _unwrapped(stderr)
    remote = re.search(_REMOTE, message)
    if remote:
        return f"the remote base {remote['url']} is not fetched: aegisgen composes without a network; vendor it"
    message = _relative(message, directory.resolve())
    for pattern, replacement in _SHORTENED:
        message = re.sub(pattern, replacement, message)
    return message


@lru_cache(maxsize=8)
def _composer_on(path: str) -> tuple[str, ...] | None:
    tools = programs("kustomize", "kubectl", path=path)
    if not tools:
        return None
    return (tools[0], "kustomize" if Path(tools[0]).stem == "kubectl" else "build")


def _unwrapped(stderr: str) -> str:
    """Cut warnings and wrapping off: `Error: x` from kustomize, `error: x` or a klog line with err= from kubectl."""
    logged = re.search(_KLOG, stderr)
    if logged and logged["quoted"] is not None:
        try:
            text = str(json.loads(f'"{logged["quoted"]}"'))
        except ValueError:
            text = logged["quoted"]
    elif logged:
        text = logged["block"]
    else:
        text = "\n".join(line for line in stderr.splitlines() if not line.startswith("# Warning:"))
    text = re.sub(r"^[Ee]rror: ", "", text.strip())
    return re.sub(r"\s+", " ", text) or "the build failed without a message"


def _relative(message: str, directory: Path) -> str:
    ancestors = [parent for parent in (directory, *directory.parents) if parent.name]
    if not ancestors:
        return message
    below_the_topmost = re.escape(ancestors[-1].as_posix()) + r"(?:/[^\s'\":,]+)?(?=[\s'\":,]|\Z)"
    return re.sub(below_the_topmost, lambda match: Path(os.path.relpath(match[0], directory)).as_posix(), message)


def _kustomization_of(directory: Path) -> str:
    files = (directory / name for name in KUSTOMIZATION_NAMES if (directory / name).is_file())
    return next(files, directory).as_posix()
