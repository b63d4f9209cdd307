"""Syncs without a cluster: the hooks of a rollback run on a real database, and what they are to do, as a model.

The record is the real one: `runs.mjs`, run by node. Migrations are what Knex would make of theirs: a table and a row of the
bookkeeping table in one transaction, or in none where they say so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.conftest import ROOT
from tests.pods import SCRIPTS
from tests.postgres import Database

BOOKKEEPING = """CREATE TABLE IF NOT EXISTS knex_migrations
    (id serial PRIMARY KEY, name text, batch int, migration_time timestamptz DEFAULT now())"""
OUTSIDE = "exports.config = { transaction: false };\n"


@dataclass
class Hook:
    """How a hook ended."""

    code: int
    out: str
    err: str = ""


@dataclass
class World:
    """A database, and the images that are deployed to it: each is a folder of migrations."""

    database: Database
    app: Path
    folder: Path
    script: Path = SCRIPTS / "runs.mjs"
    after: str = "presync"
    image: str = "one"
    service: str = "api"
    _jobs: count = field(default_factory=lambda: count(1))
    _batches: count = field(default_factory=lambda: count(1))
    _without: set[str] = field(default_factory=set)
    """The image's migrations that have no transaction."""

    def __post_init__(self) -> None:
        """Start what runs the hooks, and create the bookkeeping table, as Knex does."""
        command = ["node", str(ROOT / "tests/fixtures/record/server.js")]
        self._node = subprocess.Popen(
            command, cwd=self.app, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.session = self.database.connect()
        self.session.execute(BOOKKEEPING)

    def close(self) -> None:
        """End what runs the hooks, and the test's own session."""
        self.session.close()
        self._node.communicate(timeout=20)

    def clear(self) -> None:
        """Begin anew: an empty database."""
        self.session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        self.session.execute(BOOKKEEPING)

    @property
    def tables(self) -> set[str]:
        """The tables that migrations made."""
        query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        return {name for (name,) in self.session.execute(query) if not name.startswith(("aegisgen_", "knex_"))}

    @property
    def recorded(self) -> list[str]:
        """The tables whose migrations are recorded, in their order."""
        rows = self.session.execute("SELECT name FROM knex_migrations ORDER BY id")
        return [name.removesuffix(".js") for (name,) in rows]

    @property
    def states(self) -> list[str]:
        """The state of each sync, in their order."""
        if self.session.execute("SELECT to_regclass('aegisgen_syncs')").fetchall() == [(None,)]:
            return []
        return [state for (state,) in self.session.execute("SELECT state FROM aegisgen_syncs ORDER BY id")]

    def release(
        self,
        image: str,
        *names: str,
        outside: Sequence[str] = (),
        hidden: Sequence[str] = (),
        one_way: Sequence[str] = (),
    ) -> None:
        """Let the image be this one: its migrations each create a table of their name."""
        self.image, self._without = image, {*outside, *hidden}
        folder = self.folder / image
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in names:
            text = "exports.up = () => {};\n" + ("" if name in one_way else "exports.down = () => {};\n")
            (folder / f"{name}.js").write_text(text + (OUTSIDE if name in outside else ""))

    def record(self, *words: str, job: str = "", actor: str = "") -> Hook:
        """Run the program that keeps the record."""
        settings = [
            "environment=test",
            f"service={self.service}",
            f"image={self.image}",
            'table="knex_migrations"',
            f"folder={self.folder / self.image}",
            f"after={self.after}",
            "variables=host:DATABASE_HOST port:DATABASE_PORT user:DATABASE_USER name:DATABASE_NAME password:DATABASE_PASSWORD",
        ]
        # One way to connect: what runs the program ends a call with its first connection.
        own = {
            "PGSSLMODE": "disable",
            "AEGISGEN_JOB": job or f"job-{next(self._jobs)}",
            "HOSTNAME": "pod",
            "AEGISGEN_ACTOR": actor,
        }
        call = {
            "script": str(self.script),
            "argv": ["\n".join([*settings, ""]), *words],
            "env": {"PATH": os.environ["PATH"], **self.database.env, **own},
        }
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps(call) + "\n")
        self._node.stdin.flush()
        return Hook(**json.loads(self._node.stdout.readline()))

    def apply(self, name: str, batch: int | None = None) -> None:
        """Apply one migration, as Knex does: by default as somebody does by hand."""
        batch = batch or next(self._batches)
        with self.session.transaction():
            self.session.execute(f"CREATE TABLE {name} (id int PRIMARY KEY)")
            self.session.execute("INSERT INTO knex_migrations (name, batch) VALUES (%s, %s)", (f"{name}.js", batch))

    def take_back(self, name: str) -> None:
        """Take one migration back, as its own down does."""
        with self.session.transaction():
            self.session.execute(f"DROP TABLE IF EXISTS {name}")
            self.session.execute("DELETE FROM knex_migrations WHERE name = %s", (f"{name}.js",))

    def begin(self) -> int:
        """Run the first Job of a sync."""
        return self.record("open").code

    def migrate(self, *, fails: str = "", killed: bool = False) -> int:
        """Run the migration, which fails in, or is killed in, one of its migrations; return the runner's exit code."""
        assert self.record("begin").code == 0
        batch = next(self._batches)
        for file in sorted((self.folder / self.image).iterdir()):
            if file.stem in self.recorded:
                continue
            if file.stem == fails:
                if file.stem in self._without and file.stem not in self.tables:
                    self.session.execute(f"CREATE TABLE {file.stem} (id int PRIMARY KEY)")
                return 137 if killed else self.record("end", "failed", "migrate").code or 12
            try:
                self.apply(file.stem, batch)
            except Exception:  # as Knex, whose error is in the log
                self.record("end", "failed", "migrate")
                return 12
        return self.record("end", "ok").code

    def roll_out(self) -> int:
        """Run the first Job of the Sync phase."""
        return self.record("rollout").code

    def confirm(self) -> int:
        """Run the last Job of a sync."""
        return self.record("confirm").code

    def roll_back(self, which: str = "open", *, fails: str = "", job: str = "") -> Hook:
        """Run the SyncFail Job, or the one that people create, as rollback.sh does; one migration cannot be taken back."""
        job = job or f"job-{next(self._jobs)}"
        plan = self.record("plan", which, job=job)
        if plan.code:
            return plan
        for name in plan.out.split():
            table = name.removeprefix("main/").removesuffix(".js")
            if table == fails:
                return Hook(22, plan.out, f"{name} cannot be taken back")
            self.take_back(table)
        done = self.record("rolled", job=job)
        return Hook({0: 0, 21: 22}.get(done.code, 20), plan.out, done.err)

    def deploy(self) -> None:
        """A whole sync that succeeds."""
        assert (self.begin(), self.migrate(), self.roll_out(), self.confirm()) == (0, 0, 0, 0)
