"""The backup step against a real PostgreSQL: what it leaves behind when all goes well, and when it does not."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from tests.integration.steps_support import (
    JOB_UID,
    connection,
    containers,
    dumped,
    fake,
    programs,
    say,
)
from tests.pods import Ended
from tests.postgres import Database, new_database

pytestmark = pytest.mark.tools

SCHEMA = """
CREATE SCHEMA inventory;
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE, note jsonb DEFAULT '{}');
CREATE TABLE inventory.items (id bigint GENERATED ALWAYS AS IDENTITY, owner int REFERENCES users, size numeric(8, 2));
CREATE VIEW rich AS SELECT name, count(*) FROM users JOIN inventory.items ON owner = users.id GROUP BY name;
INSERT INTO users (name) SELECT 'it''s ' || n FROM generate_series(1, 500) n;
INSERT INTO inventory.items (owner, size) SELECT 1 + n % 500, n FROM generate_series(1, 3000) n;
"""


class Step(NamedTuple):
    """The backup's container and what it needs to run."""

    folder: Path
    target: Path
    shell: list[str]
    database: Database

    def run(self, *, path: str = "", **env: str) -> Ended:
        """Run the container that dumps."""
        found = containers("backup")
        container = found.get("backup") or found["dump"]
        path = f"{path}:{programs(self.database, self.folder)}"
        env = connection(self.database) | env
        return container.run(self.folder, self.shell, env, path, {"/backup": self.target})

    @property
    def files(self) -> list[str]:
        """What lies in the target."""
        return sorted(file.name for file in self.target.iterdir())

    @property
    def dump(self) -> Path:
        """The only dump."""
        (file,) = self.target.glob("*.dump")
        return file


@pytest.fixture
def step(full: Path, tmp_path: Path, shell: list[str], database: Database) -> Step:
    database.ask(SCHEMA)
    say(full, backup={"volume": {"claim": "backups"}}, dryRun=None, checks=None)
    target = tmp_path / "target"
    return Step(tmp_path, target, shell, database)


def counts(database: Database) -> list[tuple]:
    return database.ask("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM inventory.items)")


def test_the_backup_restores_to_an_identical_database(step: Step, postgres) -> None:
    ended = step.run()
    assert ended.code == 0, ended.log
    restored = new_database(postgres)
    env = connection(restored)
    subprocess.run(
        [postgres.programs / "pg_restore", f"--dbname={restored.name}", "--exit-on-error", step.dump],
        env=env,
        check=True,
    )
    assert dumped(restored) == dumped(step.database)
    assert counts(restored) == counts(step.database) == [(500, 3000)]


def test_the_file_says_whose_it_is_and_has_its_checksum_beside_it(step: Step) -> None:
    ended = step.run()
    name = step.dump.name
    service, stamp, uid = name.removesuffix(".dump").split("-", 2)
    assert (service, uid) == ("api", JOB_UID)
    assert stamp[8] == "T"
    assert stamp.endswith("Z")
    assert (step.target / f"{name}.sha256").read_text() == (
        f"{hashlib.sha256(step.dump.read_bytes()).hexdigest()}  {name}\n"
    )
    assert subprocess.run(["sha256sum", "--check", f"{name}.sha256"], cwd=step.target, check=False).returncode == 0
    assert step.files == [name, f"{name}.sha256"]
    assert "outcome=failed" not in ended.log


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('for last; do :; done\necho "half a dump" >"$PARTIAL"; exit 1', "pg_dump failed"),
        ('echo nothing >"$PARTIAL"', "no readable list"),
        # Fails in the middle, and does not know it: the list alone would look well.
        ('"$REAL" "$@" && truncate -s -2000 "$PARTIAL"', "cannot be read to its end"),
    ],
)
def test_a_dump_that_is_not_whole_never_stands_in_place(step: Step, body: str, reason: str) -> None:
    find = "for each; do case $each in --file=*) PARTIAL=${each#--file=} ;; esac; done"
    real = step.database.programs / "pg_dump"
    path = fake(step.folder, "pg_dump", f"REAL={real}\n{find}\n{body}")
    ended = step.run(path=path)
    assert ended.code in (22, 23)
    assert reason in ended.message
    assert step.files == []


def test_a_full_target_fails_cleanly(step: Step) -> None:
    limited = fake(step.folder, "pg_dump", f'ulimit -f 8\nexec {step.database.programs / "pg_dump"} --compress=0 "$@"')
    ended = step.run(path=limited)
    assert ended.code == 22, ended.log
    assert ended.message.startswith("dump: pg_dump failed")
    assert step.files == []


def test_a_target_that_cannot_be_written_is_named(step: Step) -> None:
    step.target.write_text("a file, not a folder")
    ended = step.run()
    assert (ended.code, ended.message) == (21, "dump: the target cannot be written\n")


def test_with_warn_a_failure_is_a_line_and_no_more(step: Step, full: Path) -> None:
    say(full, backup={"volume": {"claim": "backups"}, "onFailure": "warn"})
    ended = step.run(path=fake(step.folder, "pg_dump", "exit 1"))
    assert ended.code == 0
    assert "step=dump outcome=warning" in ended.log
    assert "going on without a backup" in ended.log
    assert step.files == []


def test_a_database_that_does_not_answer_fails_within_the_wait(step: Step, full: Path) -> None:
    say(full, migrations={"wait": "1s"})
    ended = step.run(PGPORT="1")
    assert (ended.code, ended.message) == (20, "connect: the database did not answer within 1 s\n")


def test_a_url_as_other_clients_write_it_is_understood(step: Step, full: Path) -> None:
    say(full, database={"env": {"url": "DATABASE_URL"}, "secret": {"keys": ["DATABASE_URL"]}, "config": {"keys": []}})
    known = connection(step.database)
    password = quote(known["PGPASSWORD"], safe="")
    url = f"postgres+psycopg://aegisx:{password}@127.0.0.1:{known['PGPORT']}/{step.database.name}?schema=public&sslmode=disable"
    ended = step.run(POSTGRES_URL=url, PGHOST="nowhere.invalid", PGPASSWORD="", PGUSER="nobody", PGDATABASE="none")
    assert ended.code == 0, ended.log
    assert step.dump.stat().st_size > 0


def older(step: Step, *stamps: str, service: str = "api") -> list[str]:
    step.target.mkdir(exist_ok=True)
    names = [f"{service}-{stamp}-old.dump" for stamp in stamps]
    for name in names:
        (step.target / name).touch()
        (step.target / f"{name}.sha256").touch()
    return names


def kept(step: Step) -> set[str]:
    return {name for name in step.files if name.endswith("-old.dump")}


def test_only_the_newest_are_kept(step: Step, full: Path) -> None:
    say(full, backup={"volume": {"claim": "backups"}, "keep": 2})
    names = older(step, "20250101T000000Z", "20260101T000000Z", "20260102T000000Z")
    foreign = older(step, "20240101T000000Z", service="api-2")
    assert step.run().code == 0
    assert kept(step) == {names[2], *foreign}
    assert len(step.files) == 2 * 3


def test_seven_are_kept_where_nothing_is_said(step: Step) -> None:
    names = older(step, *(f"2025010{day}T000000Z" for day in range(1, 9)))
    step.run()
    assert kept(step) == set(names[2:])


def test_those_that_are_too_old_go_but_never_the_newest(step: Step, full: Path) -> None:
    say(full, backup={"volume": {"claim": "backups"}, "maxAge": "1d"})
    names = older(step, "20250101T000000Z", "20990101T000000Z")
    assert step.run().code == 0
    assert kept(step) == {names[1]}


def test_the_newest_stays_however_old_it_is(step: Step, full: Path) -> None:
    say(full, backup={"volume": {"claim": "backups"}, "maxAge": "1d"})
    (name,) = older(step, "20250101T000000Z")
    far = fake(
        step.folder, "date", f'case "$*" in *@*) echo 29990101000000 ;; *) exec {shutil.which("date")} "$@" ;; esac'
    )
    assert step.run(path=far).code == 0
    assert name not in step.files
    assert step.dump.name in step.files


def test_what_a_killed_attempt_left_is_swept(step: Step) -> None:
    step.target.mkdir()
    (step.target / f"api-20260101T000000Z-{JOB_UID}.partial").touch()
    others = step.target / "api-20260101T000000Z-other-job.partial"
    others.touch()
    step.run()
    assert [name for name in step.files if "partial" in name] == [others.name]


BUCKET = """
case "$1 $2" in
's3 cp') cp "$4" "$BUCKET/${5##*/}" ;;
's3 rm') rm "$BUCKET/${4##*/}" ;;
's3 ls') cd "$BUCKET" && for file in "${3##*/}"*; do echo "2026-01-01 00:00:00 $(wc -c <"$file") $file"; done ;;
esac
"""


def send(step: Step, body: str = BUCKET) -> tuple[Ended, set[str]]:
    bucket = step.folder / "bucket"
    bucket.mkdir(exist_ok=True)
    path = fake(step.folder, "aws", body)
    env = {"BUCKET": str(bucket)}
    ended = containers("backup")["upload"].run(step.folder, step.shell, env, path, {"/backup": step.target})
    return ended, {file.name for file in bucket.iterdir()}


@pytest.fixture
def s3(step: Step, full: Path) -> Step:
    say(full, backup={"s3": {"bucket": "backups", "secret": {"name": "storage"}}, "keep": 2})
    assert step.run().code == 0
    return step


def test_the_upload_sends_dump_and_checksum_and_keeps_the_newest(s3: Step) -> None:
    bucket = s3.folder / "bucket"
    bucket.mkdir()
    for name in ("api-20250101T000000Z-x.dump", "api-20260101T000000Z-x.dump", "api-2-20200101T000000Z-x.dump"):
        (bucket / name).touch()
        (bucket / f"{name}.sha256").touch()
    ended, names = send(s3)
    assert ended.code == 0, ended.log
    dumps = {name for name in names if name.endswith(".dump")}
    assert dumps == {s3.dump.name, "api-20260101T000000Z-x.dump", "api-2-20200101T000000Z-x.dump"}
    assert names == dumps | {f"{name}.sha256" for name in dumps}
    assert (bucket / s3.dump.name).read_bytes() == s3.dump.read_bytes()


@pytest.mark.parametrize(
    ("body", "code"),
    [("exit 1", 26), (BUCKET.replace('cp "$4"', 'head -c 10 "$4" >'), 27), ('[ "$2" != ls ]', 27)],
)
def test_an_upload_that_failed_or_is_not_whole_aborts(s3: Step, body: str, code: int) -> None:
    ended, _ = send(s3, body)
    assert ended.code == code, ended.log
    assert ended.message


def test_without_a_dump_nothing_is_sent(s3: Step, full: Path) -> None:
    shutil.rmtree(s3.target)
    s3.target.mkdir()
    assert send(s3)[0].code == 25
    say(full, backup={"s3": {"bucket": "backups", "secret": {"name": "storage"}}, "onFailure": "warn"})
    ended, names = send(s3)
    assert (ended.code, names) == (0, set())
    assert "going on without a backup" in ended.log
