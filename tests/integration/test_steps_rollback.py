"""A failed sync takes back what it applied and nothing else: on a real PostgreSQL with real Knex."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from tests.conftest import aegisgen
from tests.pods import Ended, Pod, mounted
from tests.postgres import Database, new_database
from tests.shells import FIRST, SHELLS
from tests.steps import rendered, say
from tests.tools import need
from tests.trees import replace

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow]

PRODUCTION = "argocd/overlays/production/api"
ROLLBACK = "  rollback: {automatic: true, directory: migrations, down: [node_modules/.bin/knex, migrate:down]}\n"
JOBS = {
    "begin": "rollback-baseline.yaml",
    "migrate": "migration-job.yaml",
    "roll out": "rollback-rollout.yaml",
    "confirm": "rollback-confirm.yaml",
    "fail": "rollback-sync-fail.yaml",
    "by hand": "rollback-manual.yaml",
}


# test_rollback_record has the same of the record, without Knex.
RECORDED = pytest.mark.long


class Cluster(NamedTuple):
    """A database, an application of the test's own, and the Jobs of its production overlay."""

    database: Database
    app: Path
    commands: dict[str, list[str]]
    shell: list[str]

    def run(self, *jobs: str) -> Ended:
        """Run Jobs one after the other; return how the last one ended."""
        for job in jobs:
            path = f"{self.app / 'shim'}:{os.environ['PATH']}"
            env = {"PATH": path, "HOME": "/tmp", "NODE_ENV": "production", **self.database.env}
            ended = Pod([*self.shell, *self.commands[job][1:]], env, self.app).end()
        return ended

    def release(self, *names: str) -> None:
        """Put these migrations, and only these, into the application."""
        folder = self.app / "migrations"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in names:
            (folder / name).write_text(MIGRATIONS[name])

    def state(self) -> str:
        """The whole database as text, without the record and the counters of sequences."""
        database = self.database
        dump = [database.programs / "pg_dump", "--exclude-table", "aegisgen_*", "--inserts", "--restrict-key=x"]
        address = ["--host", "127.0.0.1", "--port", str(database.port), "--username", "aegisx", database.name]
        env = {**os.environ, "PGPASSWORD": database.env["DATABASE_PASSWORD"]}
        done = subprocess.run([*dump, *address], env=env, capture_output=True, text=True, check=False)
        if "restrict-key" in done.stderr:
            del dump[-1]
            done = subprocess.run([*dump, *address], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return "\n".join(line for line in done.stdout.splitlines() if "setval" not in line)

    def migrated(self, *files: str) -> None:
        """Deploy a release up to its migration."""
        self.release(*files)
        assert self.run("begin", "migrate").code == 0

    def refused(self, state: str) -> str:
        """Fail a sync that cannot be taken back; return why, and see that the database stays in a state."""
        ended = self.run("fail")
        assert (ended.code, self.state()) == (21, state)
        return ended.message

    def states(self) -> list[tuple]:
        return self.database.ask("SELECT outcome, state FROM aegisgen_history ORDER BY started")


def table(name: str, more: str = "") -> str:
    up = f'exports.up = (knex) => knex.schema.createTable("{name}", (t) => t.increments());'
    return f'{up}\nexports.down = (knex) => knex.schema.dropTable("{name}");\n{more}'


MIGRATIONS = {
    "1_old.js": table("old"),
    "2_new.js": table("new"),
    "3_newer.js": table("newer"),
    "3_broken.js": 'exports.up = () => { throw new Error("no"); };\nexports.down = () => {};\n',
    "3_forgets.js": table("forgets").split("exports.down")[0] + "exports.down = () => Promise.resolve();\n",
    "3_half.js": (
        'exports.up = async (knex) => { await knex.schema.createTable("half", (t) => t.increments()); throw new Error(); };\n'
        "exports.down = () => Promise.resolve();\nexports.config = { transaction: false };\n"
    ),
    "3_one_way.js": table("one_way", "// aegisgen: irreversible\n"),
}


@pytest.fixture(params=FIRST)
def cluster(
    request: pytest.FixtureRequest,
    *,
    database: Database,
    released: dict[str, Database],
    app: Path,
    project: Path,
    tmp_path: Path,
) -> Cluster:
    """A cluster in which the release before this one has been deployed."""
    shell = request.param.split()
    own = tmp_path / "image"
    shutil.copytree(app, own, symlinks=True, ignore=shutil.ignore_patterns("migrations"))
    replace(project / "aegisgen.yaml", "packageManager: pnpm", "packageManager: npm")
    say(project, "production", ROLLBACK)
    documents = rendered("production")
    commands = {
        job: mounted(documents[f"{PRODUCTION}/{name}"]["spec"]["template"]["spec"]["containers"][0])
        for job, name in JOBS.items()
    }
    cluster = Cluster(database, own, commands, shell)
    cluster.release("1_old.js")
    if request.param not in released:
        assert cluster.run("begin", "migrate", "confirm").code == 0
        released[request.param] = database
    return cluster._replace(database=new_database(database.server, released[request.param]))


@pytest.fixture(scope="module")
def released() -> dict[str, Database]:
    """For each shell, a database as the release before left it."""
    return {}


@RECORDED
def test_a_sync_that_failed_before_it_migrated_changes_nothing(cluster: Cluster) -> None:
    before = cluster.state()
    cluster.release("1_old.js", "2_new.js")
    assert cluster.run("begin", "fail").code == 0
    assert cluster.state() == before


@pytest.mark.parametrize("cluster", SHELLS, indirect=True)
def test_a_sync_that_failed_after_it_migrated_is_taken_back_once(cluster: Cluster) -> None:
    before = cluster.state()
    cluster.migrated("1_old.js", "2_new.js", "3_newer.js")
    assert cluster.state() != before
    ended = cluster.run("fail")
    assert ended.code == 0, ended.log
    assert cluster.state() == before
    assert cluster.states() == [("ok", "confirmed"), ("ok", "rolled back")]
    assert cluster.run("fail").code == 0
    assert cluster.state() == before


def test_a_migration_that_failed_halfway_leaves_no_half(cluster: Cluster) -> None:
    before = cluster.state()
    cluster.migrated("1_old.js", "2_new.js")  # the first attempt
    cluster.release("1_old.js", "2_new.js", "3_broken.js")
    assert cluster.run("migrate").code == 12  # and the one that failed
    assert cluster.run("fail").code == 0
    assert cluster.state() == before


@RECORDED
def test_what_an_earlier_sync_left_is_not_this_ones(cluster: Cluster) -> None:
    cluster.migrated("1_old.js", "2_new.js")  # and then somebody terminated the sync
    before = cluster.state()
    assert cluster.run("begin", "fail").code == 0
    assert cluster.state() == before


@RECORDED
def test_a_migration_without_a_way_back_is_refused_with_all_the_others(cluster: Cluster) -> None:
    cluster.migrated("1_old.js", "2_new.js", "3_one_way.js")
    before = cluster.state()
    assert "3_one_way.js says that it is irreversible" in cluster.refused(before)


@RECORDED
def test_what_others_applied_since_is_not_taken_back(cluster: Cluster) -> None:
    cluster.migrated("1_old.js", "2_new.js")
    cluster.database.ask("INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('9_by_hand.js', 9, now())")
    before = cluster.state()
    assert "main/9_by_hand.js" in cluster.refused(before)


@RECORDED
def test_the_schema_of_a_release_that_is_rolled_out_stays(cluster: Cluster) -> None:
    cluster.release("1_old.js", "2_new.js")
    assert cluster.run("begin", "migrate", "roll out").code == 0
    before = cluster.state()
    assert "the release is being rolled out" in cluster.refused(before)


@RECORDED
def test_what_was_taken_back_by_hand_is_not_rolled_out(cluster: Cluster) -> None:
    cluster.release("1_old.js", "2_new.js")
    assert cluster.run("begin", "migrate", "by hand").code == 0
    ended = cluster.run("roll out")
    assert ended.code == 21
    assert "somebody took back what this sync migrated" in ended.message


def test_a_down_that_leaves_something_is_no_success(cluster: Cluster) -> None:
    cluster.migrated("1_old.js", "3_forgets.js")
    ended = cluster.run("fail")
    assert ended.code == 22
    assert "taken back, but the schema is not what it was before: new: table forgets" in ended.message


def test_half_of_a_migration_without_a_transaction_is_refused(cluster: Cluster) -> None:
    cluster.release("1_old.js", "2_new.js", "3_half.js")
    assert cluster.run("begin", "migrate").code == 12
    before = cluster.state()
    message = cluster.refused(before)
    assert "main/3_half.js was running when the run failed, and has no transaction" in message
    assert "table half" in message


def test_people_take_back_the_newest_run(cluster: Cluster) -> None:
    before = cluster.state()
    cluster.release("1_old.js", "2_new.js")
    assert cluster.run("begin", "migrate", "confirm").code == 0
    assert cluster.run("by hand").code == 0
    assert cluster.state() == before


def test_the_record_says_who_what_and_when(cluster: Cluster) -> None:
    cluster.release("1_old.js", "3_broken.js")
    assert cluster.run("begin", "migrate").code == 12
    image, outcome, applied, whole = cluster.database.ask(
        "SELECT image, outcome, applied, finished >= started FROM aegisgen_runs ORDER BY id DESC LIMIT 1"
    )[0]
    assert image == "ghcr.io/aegisx-platform/aegisx-starter-api:production"
    assert (outcome, applied, whole) == ("failed", [], True)


def test_every_hook_that_a_failed_sync_needs_is_created_in_that_phase_too(full: Path) -> None:
    assert aegisgen("render", "--all").code == 0
    overlay = full / "overlays/production/api"
    hooks = {}
    for file in overlay.rglob("*.yaml"):
        name, document = str(file.relative_to(overlay)), yaml.safe_load(file.read_text())
        annotations = document.get("metadata", {}).get("annotations") or document.get("commonAnnotations") or {}
        hooks[name] = (annotations.get("argocd.argoproj.io/hook"), annotations.get("argocd.argoproj.io/sync-wave"))
    both = ("PreSync,SyncFail", "-5")
    needed = (
        "migration-config",
        "service-account",
        "network-policy",
        "external-secret",
        "migration-runner/kustomization",
    )
    assert {hooks[f"{name}.yaml"] for name in needed} == {both}
    assert hooks["rollback-baseline.yaml"] == ("PreSync", "-4"), "before whatever else may fail"
    assert hooks["rollback-rollout.yaml"] == ("Sync", "-100")
    assert hooks["rollback-confirm.yaml"] == ("PostSync", "100")


def test_without_a_rollback_nothing_is_created_when_a_sync_fails(project: Path) -> None:
    assert not [path for path, document in rendered("production").items() if "SyncFail" in str(document)]
