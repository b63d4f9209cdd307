"""A PgBouncer in front of a database, as a cluster may have one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aegisgen.rehearsal.outcome import NotRehearsedError
from aegisgen.rehearsal.postgres.own_server import free_port
from aegisgen.rehearsal.postgres.sessions import Login
from aegisgen.rehearsal.postgres.template import new_folder, server_account

_START_SECONDS = 20
_POLL_SECONDS = 0.02
_SETTINGS = """[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {mode}
ignore_startup_parameters = extra_float_digits
"""


def pgbouncer() -> str:
    """Return the program. Raises NotRehearsedError where there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise NotRehearsedError("the program pgbouncer is not here; install it with: apt-get install pgbouncer")
    return program


@contextmanager
def pooler(login: Login, mode: str, folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """Run one in a pool mode for the login's user, and yield its port. Raises NotRehearsedError."""
    account, port = server_account(), free_port()
    new_folder(folder, account)
    users, settings, log = folder / "users.txt", folder / "pgbouncer.ini", folder / "log"
    name, password = (text.replace('"', '""') for text in (login.user, login.password))
    texts = {
        users: f'"{name}" "{password}"\n',
        settings: _SETTINGS.format(host=login.host, port=login.port, own=port, users=users, mode=mode),
    }
    for file, text in texts.items():
        file.touch(mode=0o600)
        file.write_text(text)
        if account:
            shutil.chown(file, account)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [pgbouncer(), settings],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=account,  # it refuses to run as root
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), **environment},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotRehearsedError(f"pgbouncer does not start: {log.read_text(errors='replace').strip()[-300:]}")
            time.sleep(_POLL_SECONDS)
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
