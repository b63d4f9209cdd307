"""Kustomize as a process: without the caller's environment and without a network, and bounded in time and space."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from aegisgen.errors import ToolError

if TYPE_CHECKING:
    import subprocess

TIMEOUT_SECONDS = 60
MAX_OUTPUT_BYTES = 64_000_000
"""What a build may print: a hundred times what the largest overlays do."""
MAX_MEMORY_BYTES = 2_000_000_000

# Where a network of its own cannot be had, HTTP goes to a proxy that nobody is, and git may speak no protocol.
_NOWHERE = "http://127.0.0.1:9"
_OFFLINE = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "HTTP_PROXY": _NOWHERE,
    "HTTPS_PROXY": _NOWHERE,
    "KUBERC": "off",  # a user's defaults for kubectl's options
    "http_proxy": _NOWHERE,
    "https_proxy": _NOWHERE,
}
_INHERITED = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")
_running: set[int] = set()
"""The processes that `answer` waits for, each the leader of its group."""


def end_all() -> None:
    """End all that `answer` waits for, at once: for a process that leaves without a chance to unwind."""
    import signal  # noqa: PLC0415 -- as below

    for pid in _running:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


@lru_cache(maxsize=1)
def without_network() -> tuple[str, ...]:
    """Return what to put before a command so that it has no network, not even loopback; empty where that cannot be.

    It is util-linux' `unshare`, which needs user namespaces; a start costs some milliseconds more.
    """
    command = ("unshare", "--net", "--map-root-user", "--")
    if sys.platform != "linux":
        return ()
    try:
        code, _, _ = answer((*command, "true"))
    except ToolError:
        return ()
    return command if code == 0 else ()


def answer(command: tuple[str, ...]) -> tuple[int, str, str]:
    """Run a command; return its exit code and what it wrote to stdout and stderr.

    Raises ToolError where it cannot be run, does not end, or prints more than any build does.
    """
    import signal  # noqa: PLC0415 -- start-up time: only who composes pays for these
    import subprocess  # noqa: PLC0415

    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | _OFFLINE
    # Who is told to end between the tool's start and the moment in which it is known would leave it behind.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGIO})
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # so that a git of its own dies with it
        )
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise ToolError(f"{command[0]} cannot be run: {error.strerror}") from None
    _running.add(process.pid)
    name = Path(next((word for word in command if word.startswith("/")), command[0])).name
    with process:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _bound_memory(process.pid)
            out, err = _output(process, name)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
            _running.discard(process.pid)
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def _bound_memory(pid: int) -> None:
    """Bound what a process that has just been started, and all that it starts, may take."""
    import resource  # noqa: PLC0415 -- as above

    if sys.platform == "linux":
        try:
            resource.prlimit(pid, resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        except (OSError, ValueError):  # it has ended, or has a lower limit already
            return


def _output(process: subprocess.Popen[bytes], name: str) -> tuple[bytes, bytes]:
    import selectors  # noqa: PLC0415 -- as above
    import subprocess  # noqa: PLC0415

    deadline = time.monotonic() + TIMEOUT_SECONDS
    late = ToolError(f"{name} did not finish within {TIMEOUT_SECONDS} s")
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - pipes, as above
    parts: dict[int, list[bytes]] = {process.stdout.fileno(): [], process.stderr.fileno(): []}
    left = MAX_OUTPUT_BYTES
    with selectors.DefaultSelector() as selector:
        for descriptor in parts:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready:
                raise late
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                parts[key.fd].append(part)
                left -= len(part)
                if not part:
                    selector.unregister(key.fd)
                if left < 0:
                    raise ToolError(f"{name} printed more than {MAX_OUTPUT_BYTES // 1_000_000} MB; it was ended")
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise late from None
    out, err = (b"".join(read) for read in parts.values())
    return out, err
