"""Composition, once: what Kustomize made of the same files before is taken from the user's cache.

Never kept: a build that failed, one that holds a Secret, one that reads more than is known here, and one whose files
were written to meanwhile. An answer is that of one version of Kustomize, known by the bytes of its program.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path

from aegisgen.kube.cache import Cache, digest
from aegisgen.kube.closure import Reader, closure
from aegisgen.kube.compose import Composition, Output, composer, composition, run_build
from aegisgen.kube.overlay import Overlay
from aegisgen.kube.process import answer

# Counts up where an answer, or what its key is made of, changes its meaning.
_FORMAT = "composition 1"
_SECRET = re.compile(r"^\s*(?:- )?\"?kind\"?:[ ]*[\"']?Secret\b", re.MULTILINE)


def compose_once(directory: Path, overlay: Overlay, reader: Reader, cache: Cache) -> Composition:
    """Return what `compose` does, from the cache where it is known; `reader` has read the overlay of this directory.

    Raises what `compose` raises.
    """
    command = composer()
    tool = _tool(command, cache) if command else None
    files = closure(overlay, reader) if tool else None
    key = digest(_FORMAT, tool, files) if tool and files else None
    if key and (answer := cache.get(key)):
        return composition(Output(*json.loads(answer)), directory)
    output = run_build(directory, overlay)
    if key and not _SECRET.search(output.out) and reader.unchanged():
        cache.put(key, json.dumps([output.out, output.err]).encode())
    return composition(output, directory)


@lru_cache(maxsize=8)
def _tool(command: tuple[str, ...], cache: Cache) -> str | None:
    """Return what tells this Kustomize from any other; None where that cannot be told.

    A program is known by its content, which is found out once and then known by what the file system says of it. A
    script or a link of another name may start any version: such a one is asked each time.
    """
    path = os.path.realpath(command[0])
    try:
        status = os.stat(path)  # noqa: PTH116
        with open(path, "rb") as stream:  # noqa: PTH123
            if stream.read(2) == b"#!" or not os.path.basename(path).startswith("kustomize"):  # noqa: PTH119
                return _asked(command)
            stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            key = digest(_FORMAT, "tool", path, str(stamp))
            known = cache.get(key)
            if known is None:
                stream.seek(0)
                known = digest(stream.read()).encode()
                cache.put(key, known)
            return known.decode()
    except OSError:
        return None


def _asked(command: tuple[str, ...]) -> str | None:
    program, verb = command
    code, out, _ = answer((program, "version") if verb == "build" else (program, "version", "--client"))
    return digest(program, out) if code == 0 and out.strip() else None
