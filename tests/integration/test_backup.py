"""The backup step against a real PostgreSQL: what it leaves behind when all goes well, and when it does not."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
import yaml
from tests.conftest import aegisgen
from tests.integration.steps_support import JOB_UID, Container, connection, containers, dumped, fake, job, programs, say
from tests.pods import Ended, mounted
from tests.postgres import Database, new_database
from tests.shells import IN_ONE_SHELL
from tests.steps import say as say_more
from tests.trees import replace

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
        """The dump of this Job."""
        (file,) = self.target.glob(f"*{JOB_UID}.dump")
        return file


@pytest.fixture
def step(full: Path, tmp_path: Path, shell: list[str], database: Database) -> Step:
    database.ask(SCHEMA)
    say(full, backup={"volume": {"claim": "backups"}}, dryRun=None, checks=None, metrics=None)
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
    environment, service, database, stamp, uid = name.removesuffix(".dump").split("_")
    assert (environment, service, database, uid) == ("production", "api", called(step), JOB_UID)
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


def called(step: Step) -> str:
    """Return the database's name as a file may be called."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", step.database.name)


def older(step: Step, *stamps: str, owner: str = "production_api") -> list[str]:
    step.target.mkdir(exist_ok=True)
    names = [f"{owner}_{called(step)}_{stamp}_old.dump" for stamp in stamps]
    for name in names:
        (step.target / name).touch()
        (step.target / f"{name}.sha256").touch()
    return names


def kept(step: Step) -> set[str]:
    return {name for name in step.files if name.endswith("_old.dump")}


def test_only_the_newest_are_kept(step: Step, full: Path) -> None:
    say(full, backup={"volume": {"claim": "backups"}, "keep": 2})
    names = older(step, "20250101T000000Z", "20260101T000000Z", "20260102T000000Z")
    foreign = older(step, "20240101T000000Z", owner="production_api-2") + older(
        step, "20240101T000000Z", owner="eu_api"
    )
    assert step.run().code == 0
    assert kept(step) == {names[2], *foreign}
    assert len(step.files) == 2 * 4


def test_seven_are_kept_where_nothing_is_said(step: Step) -> None:
    names = older(step, *(f"2025010{day}T000000Z" for day in range(1, 9)))
    step.run()
    assert kept(step) == set(names[2:])


def test_those_that_are_too_old_go_but_never_the_newest_three(step: Step, full: Path) -> None:
    say(full, backup={"volume": {"claim": "backups"}, "maxAge": "1d"})
    names = older(step, *(f"2025010{day}T000000Z" for day in range(1, 5)), "20990101T000000Z")
    ended = step.run()
    assert ended.code == 0
    assert kept(step) == set(names[2:])
    assert "named in the future" in ended.log


@pytest.mark.parametrize("fields", [{"maxAge": "1d"}, {"keep": 2}])
def test_a_clock_that_is_set_wrong_deletes_little_and_never_the_new_one(step: Step, full: Path, fields) -> None:
    """A clock that has run ahead makes all others old; one that was ahead named two dumps in the future."""
    say(full, backup={"volume": {"claim": "backups"}, **fields})
    names = older(step, "20250101T000000Z", "20990101T000000Z", "20990102T000000Z")
    ahead = fake(
        step.folder, "date", f'case "$*" in *@*) echo 29980101000000 ;; *) exec {shutil.which("date")} "$@" ;; esac'
    )
    assert step.run(path=ahead if "maxAge" in fields else "").code == 0
    assert kept(step) == set(names)
    assert step.dump.name in step.files


def test_what_a_killed_attempt_left_is_swept(step: Step) -> None:
    step.target.mkdir()
    own = step.target / f"production_api_{called(step)}_20260101T000000Z_{JOB_UID}.partial"
    others = own.with_name(own.name.replace(JOB_UID, "other-job"))
    own.touch()
    others.touch()
    step.run()
    assert [name for name in step.files if "partial" in name] == [others.name]


KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
PREFIX = "production/production/api"


class Storage(NamedTuple):
    """An S3 server, and what asks it besides the scripts."""

    url: str
    client: Any

    def names(self, prefix: str = PREFIX) -> set[str]:
        """The objects of a folder."""
        found = self.client.list_objects_v2(Bucket="backups", Prefix=f"{prefix}/").get("Contents", ())
        return {each["Key"].rpartition("/")[2] for each in found}

    def put(self, *names: str, prefix: str = PREFIX) -> None:
        for name in names:
            self.client.put_object(Bucket="backups", Key=f"{prefix}/{name}", Body=b"x")
            self.client.put_object(Bucket="backups", Key=f"{prefix}/{name}.sha256", Body=b"x")


@pytest.fixture
def storage() -> Iterator[Storage]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    urlopen(Request(f"{url}/moto-api/reset", method="POST")).close()  # servers of one process share what they keep
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    )
    client.create_bucket(Bucket="backups")
    yield Storage(url, client)
    server.stop()


def send(step: Step, storage: Storage, **env: str) -> Ended:
    """Run the container that uploads, with the real client of AWS."""
    own = KEYS | {"AWS_ENDPOINT_URL": storage.url, "HOME": str(step.folder)} | env
    path = str(Path(sys.executable).parent)
    return containers("backup")["upload"].run(step.folder, step.shell, own, path, {"/backup": step.target})


@pytest.fixture
def s3(step: Step, full: Path) -> Step:
    say(full, backup={"s3": {"bucket": "backups", "secret": {"name": "storage"}}, "keep": 2})
    assert step.run().code == 0
    return step


@IN_ONE_SHELL
def test_the_upload_sends_dump_and_checksum_and_keeps_the_newest(s3: Step, storage: Storage) -> None:
    own = s3.dump.name.rpartition("_")[0].rpartition("_")[0]
    others = (
        "eu_api_x_20200101T000000Z_j.dump",
        "production_api-2_x_20200101T000000Z_j.dump",
        "api-20200101T000000Z-j.dump",
    )
    storage.put(f"{own}_20250101T000000Z_j.dump", f"{own}_20260101T000000Z_j.dump", *others)
    ended = send(s3, storage)
    assert ended.code == 0, ended.log
    dumps = {name for name in storage.names() if name.endswith(".dump")}
    assert dumps == {s3.dump.name, f"{own}_20260101T000000Z_j.dump", *others}
    assert storage.names() == dumps | {f"{name}.sha256" for name in dumps}
    found = storage.client.get_object(Bucket="backups", Key=f"{PREFIX}/{s3.dump.name}")
    assert found["Body"].read() == s3.dump.read_bytes()
    assert found["Metadata"] == {"environment": "production", "service": "api"}


@pytest.mark.long
@IN_ONE_SHELL
def test_a_clock_that_was_wrong_deletes_nothing(s3: Step, storage: Storage) -> None:
    """Two dumps are named in the future: the one just made stays, and so do they."""
    own = s3.dump.name.rpartition("_")[0].rpartition("_")[0]
    future = {f"{own}_2{year}0101T000000Z_j.dump" for year in ("099", "100")}
    storage.put(*future, f"{own}_20250101T000000Z_j.dump")
    ended = send(s3, storage)
    assert ended.code == 0, ended.log
    assert {name for name in storage.names() if name.endswith(".dump")} == future | {
        s3.dump.name,
        f"{own}_20250101T000000Z_j.dump",
    }
    assert "named in the future" in ended.log


@pytest.mark.long
@IN_ONE_SHELL
def test_age_alone_never_takes_the_newest_three(s3: Step, full: Path, storage: Storage) -> None:
    say(full, backup={"s3": {"bucket": "backups", "secret": {"name": "storage"}}, "maxAge": "1d"})
    own = s3.dump.name.rpartition("_")[0].rpartition("_")[0]
    storage.put(*(f"{own}_2020010{day}T000000Z_j.dump" for day in (1, 2, 3, 4)))
    assert send(s3, storage).code == 0
    dumps = {name for name in storage.names() if name.endswith(".dump")}
    assert dumps == {s3.dump.name, f"{own}_20200104T000000Z_j.dump", f"{own}_20200103T000000Z_j.dump"}


@pytest.mark.long
@IN_ONE_SHELL
def test_two_environments_never_delete_each_others_backups(s3: Step, full: Path, storage: Storage) -> None:
    """Two clusters with one namespace, one bucket and one folder: as `eu`, of which the other knows nothing."""
    prefix = "everybody"
    eu = {f"eu_api_{called(s3)}_2026010{day}T000000Z_j.dump" for day in range(1, 8)}
    storage.put(*eu, prefix=prefix)
    say(full, backup={"s3": {"bucket": "backups", "prefix": prefix, "secret": {"name": "storage"}}, "keep": 1})
    assert send(s3, storage).code == 0
    assert {name for name in storage.names(prefix) if name.endswith(".dump")} == eu | {s3.dump.name}


@IN_ONE_SHELL
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"encryption": "AES256"}, {"ServerSideEncryption": "AES256"}),
        pytest.param(
            {"kmsKey": "alias/backups"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/backups"},
            marks=pytest.mark.long,
        ),
    ],
)
def test_the_storage_encrypts_as_the_profile_states(s3: Step, full: Path, storage: Storage, fields, expected) -> None:
    say(full, backup={"s3": {"bucket": "backups", "secret": {"name": "storage"}, **fields}})
    assert send(s3, storage).code == 0
    found = storage.client.head_object(Bucket="backups", Key=f"{PREFIX}/{s3.dump.name}")
    assert {key: found.get(key) for key in expected} == expected


@IN_ONE_SHELL
def test_nothing_is_sent_to_somebody_elses_bucket(s3: Step, full: Path, storage: Storage) -> None:
    say(full, backup={"s3": {"bucket": "missing-bucket", "bucketOwner": "111122223333", "secret": {"name": "storage"}}})
    ended = send(s3, storage)
    assert ended.code == 28, ended.log
    assert "does not belong to account 111122223333" in ended.message


@IN_ONE_SHELL
def test_what_killed_uploads_left_is_removed(s3: Step, full: Path, storage: Storage) -> None:
    say(full, backup={"s3": {"bucket": "backups", "secret": {"name": "storage"}}, "deadline": "10m"})
    own = s3.dump.name.rpartition("_")[0].rpartition("_")[0]
    for key in (f"{PREFIX}/{own}_20260101T000000Z_j.dump", f"{PREFIX}/eu_api_x_20260101T000000Z_j.dump"):
        storage.client.create_multipart_upload(Bucket="backups", Key=key)
    # What the storage says of an upload's age is its clock's; ours is set forward instead.
    late = fake(
        s3.folder,
        "date",
        'case "$*" in *"-u -d @"*) exec /bin/date -u +%Y-%m-%dT%H:%M:%S -d "+1 day" ;; esac; exec /bin/date "$@"',
    )
    ended = send(s3, storage, PATH=f"{late}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert ended.code == 0, ended.log
    left = storage.client.list_multipart_uploads(Bucket="backups").get("Uploads", [])
    assert [each["Key"] for each in left] == [f"{PREFIX}/eu_api_x_20260101T000000Z_j.dump"]


@IN_ONE_SHELL
def test_what_was_sent_can_be_fetched_again(s3: Step, full: Path, storage: Storage) -> None:
    assert send(s3, storage).code == 0
    sent = s3.dump.read_bytes()
    name = s3.dump.name
    shutil.rmtree(s3.target)
    s3.target.mkdir()
    rendered = aegisgen("render", "production", "--stdout").out
    text = next(
        part for part in rendered.split("---\n# Source: ") if part.partition("\n")[0].endswith("restore-manual.yaml")
    )
    (fetch,) = yaml.safe_load(text.partition("\n")[2])["spec"]["template"]["spec"]["initContainers"]
    own = KEYS | {"AWS_ENDPOINT_URL": storage.url, "HOME": str(s3.folder)}
    container = Container("fetch", mounted(fetch), {})
    ended = container.run(s3.folder, s3.shell, own, str(Path(sys.executable).parent), {"/backup": s3.target})
    assert ended.code == 0, ended.log
    assert {file.name for file in s3.target.iterdir()} == {name, f"{name}.sha256"}
    assert (s3.target / name).read_bytes() == sent


@IN_ONE_SHELL
def test_a_storage_that_does_not_answer_is_given_up(s3: Step, full: Path) -> None:
    say(full, backup={"s3": {"bucket": "backups", "secret": {"name": "storage"}}, "onFailure": "warn"})
    ended = send(s3, Storage("http://127.0.0.1:9", None))
    assert ended.code == 0
    assert "going on without a backup" in ended.log


def test_without_a_secret_the_identity_is_the_accounts(full: Path) -> None:
    say(full, backup={"s3": {"bucket": "backups"}})
    pod = job("backup")["spec"]["template"]["spec"]
    (upload,) = (each for each in pod["containers"] if each["name"] == "upload")
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & {item["name"] for item in upload["env"]}
    assert pod["serviceAccountName"]


@IN_ONE_SHELL
def test_without_a_dump_nothing_is_sent(s3: Step, full: Path, storage: Storage) -> None:
    shutil.rmtree(s3.target)
    s3.target.mkdir()
    assert send(s3, storage).code == 25
    assert storage.names() == set()


def test_two_environments_with_one_place_are_refused(project, cli) -> None:
    text = "backup: {s3: {bucket: backups, prefix: all, secret: {name: s}}}\n  database: {postgres: {version: 17}}"
    say_more(project, "production", f"  {text}\n")
    shutil.copy(project / "profiles/production.yaml", project / "profiles/eu.yaml")
    replace(project / "profiles/eu.yaml", "name: production", "name: eu")
    outcome = cli("check", "--no-compose")
    assert outcome.code == 2
    assert "backup.s3.prefix: backups/all is where the backups of api in eu go" in outcome.err
