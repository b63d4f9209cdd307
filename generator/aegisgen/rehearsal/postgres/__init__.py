"""The database of a rehearsal: embedded, installed on this machine, or the user's own.

with workspace() as run:
    databases = Supply(Wanted(), run)
    with databases.server("clean-run") as server:
        login = server.database("aegisx", owner="aegisx", password="...")
        notes = load_dump(server, login, Path("schema.sql"), scratch=run.folder)
"""

from aegisgen.rehearsal.postgres.dump import load_dump
from aegisgen.rehearsal.postgres.layout import extensions_at_hand
from aegisgen.rehearsal.postgres.supply import Supply, Wanted

__all__ = ["Supply", "Wanted", "extensions_at_hand", "load_dump"]
