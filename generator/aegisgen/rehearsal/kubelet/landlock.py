"""What a container may not do to the machine: write outside the stage's folder, connect elsewhere, signal others.

Landlock restricts a thread and all that it starts, needs no privilege, and cannot be taken back. Where the kernel has
none (before Linux 5.13, macOS), or an older one, the part that it lacks is not enforced.
Source: Linux, `Documentation/userspace-api/landlock.rst`, `include/uapi/linux/landlock.h`.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _TRUNCATE, _REFER = 1 << 1, 1 << 14, 1 << 13
# remove_dir ... make_sym: everything that changes a folder
_CHANGE_FOLDERS = sum(1 << bit for bit in range(4, 13))
_CONNECT_TCP = 1 << 1
_SCOPE_SIGNAL = 1 << 1
_HAS_REFER, _HAS_TRUNCATE, _HAS_NETWORK, _HAS_SCOPES = 2, 3, 4, 6

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/shm")  # noqa: S108


class Fence(NamedTuple):
    """What is allowed: writing below `writable`, and connecting to `ports` of any host; None allows every port."""

    writable: tuple[Path, ...]
    ports: tuple[int, ...] | None


@lru_cache(maxsize=1)
def version() -> int:
    """Return the version of Landlock's interface, 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, _syscall(_CREATE_RULESET, None, 0, _VERSION))


def restrict_thread(fence: Fence) -> None:
    """Restrict the calling thread, and all that it will start, as far as the kernel can."""
    has = version()
    if not has:
        return
    files = _WRITE_FILE | _CHANGE_FOLDERS
    files |= _REFER if has >= _HAS_REFER else 0
    files |= _TRUNCATE if has >= _HAS_TRUNCATE else 0
    network = _CONNECT_TCP if has >= _HAS_NETWORK and fence.ports is not None else 0
    scopes = _SCOPE_SIGNAL if has >= _HAS_SCOPES else 0
    attributes = struct.pack("QQQ", files, network, scopes)
    size = 24 if has >= _HAS_SCOPES else 16 if has >= _HAS_NETWORK else 8
    ruleset = _syscall(_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return
    try:
        _allow_paths(ruleset, fence.writable, files)
        for port in (fence.ports or ()) if network else ():
            _syscall(_ADD_RULE, ruleset, _RULE_NET_PORT, struct.pack("QQ", _CONNECT_TCP, port), 0)
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_paths(ruleset: int, writable: Sequence[Path], files: int) -> None:
    devices = files & (_WRITE_FILE | _TRUNCATE)
    for path, rights in (*((str(path), files) for path in writable), *((path, devices) for path in _DEVICES)):
        with suppress(OSError):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                folder = os.path.isdir(path)  # noqa: PTH112
                granted = (files if path == "/dev/shm" else rights) if folder else rights & devices  # noqa: S108
                _syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", granted, descriptor), 0)
            finally:
                os.close(descriptor)


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    words = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *words))
