"""Servers that ask for no password: what a pod gets that brings a PostgreSQL of its own."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from aegisgen.rehearsal.postgres.sessions import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.rehearsal.postgres import Supply
    from aegisgen.rehearsal.server import Server

_TRUSTING = "host all all 127.0.0.1/32 trust\n"
_RELOAD_SECONDS = 5
_NUMBERS = count(1)


@contextmanager
def trusting_server(databases: Supply) -> Iterator[Server]:
    """Run a server that takes anybody who comes from this machine, for the block."""
    import psycopg  # noqa: PLC0415 - costs 0.2 s, and only rehearsals have it

    with databases.server(f"copy-{next(_NUMBERS)}") as server:
        with connect(server.superuser) as session:
            row = session.execute("SHOW hba_file").fetchone()
            Path(str(row[0] if row else "")).write_text(_TRUSTING)
            session.execute("SELECT pg_reload_conf()")
        give_up = time.monotonic() + _RELOAD_SECONDS
        while True:
            try:
                connect(server.superuser._replace(password="")).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.01)
            else:
                break
        yield server
