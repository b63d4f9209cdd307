"""A rehearsal from the command line: the real Kustomize, Knex and PostgreSQL."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.conftest import ROOT, aegisgen
from tests.rehearsals import CLEAN, FAILED, LEFT_OUT, REHEARSAL, STRANGE
from tests.tools import need

from aegisgen.rehearsal.compat.records import NOTHING_RAN_BEFORE
from aegisgen.rehearsal.scenario.load import DEFAULT

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow]

GUIDE = "tests/fixtures/guide/argocd/overlays"
TREES = {
    "hand-written staging": ("--path", f"{GUIDE}/staging/api"),
    "hand-written production": ("--path", f"{GUIDE}/production/api"),
    "aegisgen staging": ("staging",),
    "aegisgen production": ("production",),
}


@pytest.fixture(autouse=True)
def _needs(kustomize: tuple[str, ...], shared_servers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


_VERDICTS = {"does not apply": "doesNotApply"}


def shown(tree: str) -> dict[str, str]:
    """What the README's table says of a tree: each scenario's verdict."""
    text = (ROOT / "README.md").read_text()
    (head,) = re.findall(r"^\| scenario \|.*$", text, re.MULTILINE)
    column = [cell.strip() for cell in head.split("|")].index(tree)
    rows = re.findall(r"^\| `[a-z-]+`: .*$", text, re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    return {row[1].split("`")[1]: _VERDICTS.get(said := row[column].partition(":")[0], said) for row in cells}


@pytest.mark.parametrize("tree", [pytest.param(tree, marks=pytest.mark.long) for tree in TREES])
def test_the_rest_of_the_readmes_table_is_what_happens(quick_app: Path, tree: str) -> None:
    expected = {name: verdict for name, verdict in shown(tree).items() if name not in DEFAULT}
    names = [word for name in expected for word in ("--scenario", name)]
    outcome = aegisgen("rehearse", *TREES[tree], "--app", str(quick_app), *names, "--format", "json")
    assert outcome.out, outcome.err
    reasons = {scenario["name"]: scenario["reason"] for scenario in json.loads(outcome.out)["scenarios"]}
    verdicts = {scenario["name"]: scenario["verdict"] for scenario in json.loads(outcome.out)["scenarios"]}
    assert verdicts == expected, reasons
    if tree.startswith("hand-written"):
        assert "migration directory is corrupt" in outcome.out
        assert "others that read a table wait at most 4 s" in reasons["reader"]


@pytest.mark.parametrize(
    "tree", [tree if tree == "aegisgen production" else pytest.param(tree, marks=pytest.mark.long) for tree in TREES]
)
def test_the_table_in_the_readme_is_what_happens(app: Path, tree: str) -> None:
    outcome = aegisgen("rehearse", *TREES[tree], "--app", str(app), "--format", "json")
    assert outcome.out, outcome.err
    report = json.loads(outcome.out)
    assert report["notes"][:2] == [  # a system without Landlock has one more to tell
        "package scripts were run directly, in place of pnpm",
        "made up, as the overlay does not bring them: Secret aegisx-api-secrets",
    ]
    if tree.startswith("aegisgen"):
        assert report["compatibility"]["note"] == NOTHING_RAN_BEFORE
    found = {scenario["name"]: scenario for scenario in report["scenarios"]}
    expected = {name: verdict for name, verdict in shown(tree).items() if name in DEFAULT}
    assert {name: scenario["verdict"] for name, scenario in found.items()} == expected
    assert outcome.code == ("failed" in expected.values())
    if tree == "hand-written production":
        reason = found["clean"]["reason"]
        assert "waits forever" in reason
        assert 'CreateContainerConfigError: configmap "production-aegisx-api-config" not found' in reason
    if tree.startswith("hand-written"):
        logs = json.dumps(found["pods-at-once"])
        assert "Migration table is already locked" in logs
        assert found["pods-at-once"]["reason"].count("exit code 1") == 2, "one migrates, two fail"
        assert "Migration table is already locked" in json.dumps(found["killed"])


# Three migrations are the application's; two more are pending.
DUMP = """
CREATE TABLE users (id serial PRIMARY KEY, name varchar(255) NOT NULL);
CREATE TABLE history (what text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch int, migration_time timestamptz);
CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked int);
INSERT INTO knex_migrations_lock (is_locked) VALUES (0);
INSERT INTO knex_migrations (name, batch, migration_time) SELECT n, 1, now() FROM (VALUES ('20260101000000_users.js'),
  ('20260102000000_history.js'), ('20260103000000_users_by_name.js')) v (n);
"""
PENDING = {"20260201000000_rename": "RENAME COLUMN name TO full_name", "20260202000000_type": "ALTER id TYPE bigint"}


@pytest.mark.long
@pytest.mark.parametrize("since", ["a dump", "the release before"])
def test_a_rename_is_breaking_though_every_scenario_passes(app: Path, tmp_path: Path, since: str) -> None:
    after = tmp_path / "after"
    shutil.copytree(app, after, symlinks=True)
    for name, change in PENDING.items():
        text = f'exports.up = (knex) => knex.raw("ALTER TABLE users {change}");\nexports.down = () => null;\n'
        (after / f"migrations/{name}.js").write_text(text)
    (tmp_path / "queries.csv").write_text("query,calls\nSELECT name FROM users,7\nSELECT id FROM users,9\nCOMMIT,9\n")
    (tmp_path / "rows.csv").write_text("table,rows,column,null_frac,n_distinct\nusers,20000,name,0,-0.5\n")
    (tmp_path / "dump.sql").write_text(DUMP)
    given = {"a dump": ["--schema-dump", str(tmp_path / "dump.sql"), "--scenario", "clean"]}
    given["the release before"] = ["--previous", str(app), "--scenario", "revert"]
    files = ("--queries", str(tmp_path / "queries.csv"), "--rows", str(tmp_path / "rows.csv"))
    gates = ("--fail-on", "breaking", "--fail-on", "rewrite")
    outcome = aegisgen("rehearse", "production", "--app", str(after), *given[since], *files, *gates, "--format", "json")
    report = json.loads(outcome.out)
    assert outcome.code == 1
    assert report["gates"] == [
        'breaking: column "name" does not exist: SELECT name FROM users',
        "breaking: users.name becomes full_name",
        "rewrite: migrations/20260202000000_type.js writes every row of users anew",
    ]
    (broken,) = report["compatibility"]["broken"]
    assert broken["migration"] == "migrations/20260201000000_rename.js"
    assert [(table["table"], table["made"]) for table in report["filled"]] == [("users", 20000)]
    assert [waits["table"] for waits in report["waits"]] == ["users"]
    (scenario,) = report["scenarios"]
    assert scenario["verdict"] == "passed"


@pytest.mark.parametrize(
    ("scenarios", "arguments", "code"),
    [
        ((CLEAN, STRANGE), ["--require-tools"], 0),
        ((CLEAN, LEFT_OUT), [], 0),
        ((CLEAN, LEFT_OUT), ["--require-tools"], 2),
        ((FAILED, LEFT_OUT), ["--require-tools"], 1),
        ((STRANGE,), [], 1),
    ],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, scenarios, arguments, code) -> None:
    done = REHEARSAL._replace(scenarios=scenarios)
    monkeypatch.setattr("aegisgen.commands.rehearse.rehearse", lambda *_: done)
    outcome = aegisgen("rehearse", "production", *arguments)
    assert outcome.code == code
    assert "scenario" in outcome.out
    reason = "not rehearsed: backup-target-full: backup needs the program aws, which is not here"
    assert (reason in outcome.err) == (code == 2)
