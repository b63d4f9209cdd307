"""Questions to a cluster through the user's own kubectl: its configuration, its context, its rights. Reads only.

kubectl gets the caller's whole environment, unlike the tools that need none of it: it may have to run a cloud's login
program, or to go through a proxy.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Literal

from aegisgen.bundle import program
from aegisgen.errors import ToolError
from aegisgen.record import Record

REQUEST_SECONDS = 10
"""How long kubectl waits for one answer of the API server."""
PROCESS_SECONDS = 30
"""How long kubectl may run in all, a login program included."""

MISSING = "kubectl not found, install it with: pip install 'aegisgen[compose]'; then give it access to the cluster"

_MAX_MESSAGE = 500
_KLOG = re.compile(r"^[IWEF]\d{4} \d\d:\d\d:\d\d")  # kubectl's own log, beside the error itself
_PREFIX = re.compile(r"^(?:[Ee]rror: |Error in configuration: ?)+")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


class Request(Record):
    """One question. There is no verb that changes anything, on purpose."""

    verb: Literal["get", "logs"]
    arguments: tuple[str, ...]


class Refusal(Record):
    """A question that was not answered. `message` is kubectl's own reason, one line without credentials."""

    message: str
    unknown_kind: bool = False
    """The cluster has no such kind: its CustomResourceDefinition is not there."""


def get(kinds: Sequence[str], *, namespace: str, name: str = "", warnings_only: bool = False) -> Request:
    """Return the question for all objects of some kinds in a namespace, or for one by its name.

    `warnings_only` is for Events, of which a busy namespace has thousands.
    """
    arguments = [",".join(kinds), *([name, "--ignore-not-found"] if name else ())]
    if warnings_only:
        arguments.append("--field-selector=type=Warning")
    return Request("get", (*arguments, f"--namespace={namespace}", "--output=json"))


def logs(pod: str, container: str, *, namespace: str, lines: int) -> Request:
    """Return the question for the last lines of a container's log, of its last run where it waits to be run again."""
    return Request("logs", (pod, f"--container={container}", f"--namespace={namespace}", f"--tail={lines}"))


def ask(requests: Sequence[Request], *, context: str | None = None) -> list[str | Refusal]:
    """Ask all questions at once; the answers, or why there is none, in their order.

    `context` names one of the user's kubeconfig; None: the current one. Raises ToolError where kubectl is missing or
    cannot be run.
    """
    kubectl = program("kubectl")
    if kubectl is None:
        raise ToolError(MISSING)
    common = [f"--request-timeout={REQUEST_SECONDS}s", *([f"--context={context}"] if context is not None else ())]
    running: list[subprocess.Popen[bytes]] = []
    try:
        running += (_start([kubectl, request.verb, *request.arguments, *common]) for request in requests)
        deadline = time.monotonic() + PROCESS_SECONDS
        return [_answer(process, deadline) for process in running]
    finally:
        for process in running:
            _end(process)


def objects(answer: str) -> list[dict[str, object]]:
    """Return the objects of an answer to `get`: of a List its items, of nothing none. Raises ToolError for nonsense."""
    if not answer.strip():
        return []
    try:
        data = json.loads(answer)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ToolError("kubectl printed something else than JSON; is it kubectl, or a program of another kind?")
    items = data.get("items")
    listed = items if isinstance(items, list) else [data]
    return [item for item in listed if isinstance(item, dict)]


def without_credentials(text: str) -> str:
    """Return text without the user and password of any URL in it."""
    return _CREDENTIALS.sub("***@", text)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,  # never ask for a password
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that a login program dies with it
        )
    except OSError as error:
        raise ToolError(f"kubectl cannot be run: {error.strerror}") from None


def _answer(process: subprocess.Popen[bytes], deadline: float) -> str | Refusal:
    try:
        out, err = process.communicate(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Refusal(f"no answer within {PROCESS_SECONDS} s")
    if process.returncode == 0:
        return out.decode(errors="replace")
    return _refusal(err.decode(errors="replace"))


def _refusal(stderr: str) -> Refusal:
    """Read kubectl's reason: its last words, without its log and its warnings."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not _KLOG.match(line)]
    lines = [line for line in lines if not line.startswith("Warning:")] or ["it failed without a word"]
    message = _PREFIX.sub("", lines[0])
    message = without_credentials("".join(char if char.isprintable() else " " for char in message))
    return Refusal(message[:_MAX_MESSAGE], "the server doesn't have a resource type" in message)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that nobody waits for any more, and whatever it started; nothing where it has ended."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
