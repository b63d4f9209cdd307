"""A rehearsal from the command line: the real Kustomize, Knex and PostgreSQL."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.conftest import ROOT, aegisgen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.tools, pytest.mark.slow]

GUIDE = "tests/fixtures/guide/argocd/overlays"
TREES = {
    "hand-written staging": ("--path", f"{GUIDE}/staging/api"),
    "hand-written production": ("--path", f"{GUIDE}/production/api"),
    "aegisgen staging": ("staging",),
    "aegisgen production": ("production",),
}


@pytest.fixture(autouse=True)
def _needs(kustomize: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'aegisgen[rehearse]'")
    monkeypatch.chdir(ROOT)


def shown(tree: str) -> dict[str, str]:
    """What the README's table says of a tree: each scenario's verdict."""
    text = (ROOT / "README.md").read_text()
    (head,) = re.findall(r"^\| scenario \|.*$", text, re.MULTILINE)
    column = [cell.strip() for cell in head.split("|")].index(tree)
    rows = re.findall(r"^\| `[a-z-]+`: .*$", text, re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    return {row[1].split("`")[1]: row[column].partition(":")[0] for row in cells}


@pytest.mark.parametrize("tree", TREES)
def test_the_table_in_the_readme_is_what_happens(app: Path, tree: str) -> None:
    outcome = aegisgen("rehearse", *TREES[tree], "--app", str(app), "--format", "json")
    assert outcome.out, outcome.err
    found = {scenario["name"]: scenario for scenario in json.loads(outcome.out)["scenarios"]}
    expected = shown(tree)
    assert {name: scenario["verdict"] for name, scenario in found.items()} == expected
    assert outcome.code == ("failed" in expected.values())
    if tree == "hand-written production":
        reason = found["clean"]["reason"]
        assert "waits for ever" in reason
        assert 'CreateContainerConfigError: configmap "production-aegisx-api-config" not found' in reason
    if tree.startswith("hand-written"):
        logs = json.dumps(found["pods-at-once"])
        assert "Migration table is already locked" in logs
        assert found["pods-at-once"]["reason"].count("exit code 1") == 2, "one migrates, two fail"
        assert "Migration table is already locked" in json.dumps(found["killed"])
