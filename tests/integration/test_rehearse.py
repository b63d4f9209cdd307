"""A rehearsal from the command line: the real Kustomize, Knex and PostgreSQL."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.conftest import ROOT, aegisgen
from tests.rehearsals import CLEAN, FAILED, LEFT_OUT, REHEARSAL, STRANGE
from tests.tools import need

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
