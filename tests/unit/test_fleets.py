"""The fleets that benchmarks measure with: nothing is wrong in them, and they are the same each time."""

from __future__ import annotations

import runpy

import pytest
from tests.conftest import ROOT

WRITE = runpy.run_path(str(ROOT / "benchmarks/fleets.py"))["write"]


@pytest.mark.parametrize("hostile", [False, True])
def test_a_fleet_of_every_tool_and_name_is_clean(tmp_path, cli, monkeypatch, hostile) -> None:
    WRITE(tmp_path, 32, hostile=hostile)
    monkeypatch.chdir(tmp_path)
    assert cli("check", "--no-compose").out == "384 files checked, no findings\n"


def test_the_same_fleet_has_the_same_bytes(tmp_path) -> None:
    for name in ("one", "other"):
        WRITE(tmp_path / name, 12, hostile=True)
    one, other = (
        {file.relative_to(tmp_path / name): file.read_bytes() for file in (tmp_path / name).rglob("*.yaml")}
        for name in ("one", "other")
    )
    assert one == other
