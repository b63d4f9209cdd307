"""The database of a rehearsal: embedded, installed on this machine, or the user's own.

with workspace() as run:
    databases = supply(Wanted(), run)
    with databases.server("clean-run") as server:
        login = server.database("aegisx", owner="aegisx", password="...")
"""

from aegisgen.rehearsal.postgres.supply import Supply, Wanted, supply

__all__ = ["Supply", "Wanted", "supply"]
