"""However strange an overlay is: adopted whole, or left as it was with a clear word. Never a crash, never half a tree."""

from __future__ import annotations

import copy
import os
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT, aegisgen
from tests.trees import paths

pytestmark = [pytest.mark.tools, pytest.mark.slow]

GUIDE = ROOT / "tests/fixtures/guide/argocd"
FILES = (
    "overlays/production/api/migration-job.yaml",
    "overlays/production/api/kustomization.yaml",
    "overlays/staging/api/deployment-patch.yaml",
)
JUNK = st.sampled_from(
    [
        None,
        1,
        True,
        "",
        "x",
        [],
        {},
        ["x"],
        [None],
        [{"name": 1}],
        [{"name": "a"}, {"name": "a"}],
        "$(X)",
        "a\nb",
        -1,
        "é",
    ]
)


def mutated(data: dict, path: tuple, value: object) -> dict:
    result = copy.deepcopy(data)
    part = result
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return result


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(FILES), junk=JUNK)
def test_an_overlay_with_junk_in_it_is_adopted_or_left_as_it_was(tmp_path_factory, kustomize, data, name, junk) -> None:
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(GUIDE, folder / "argocd")
    file = folder / "argocd" / name
    original = yaml.safe_load(file.read_text())
    path = data.draw(st.sampled_from(sorted(paths(original), key=str)))
    file.write_text(yaml.safe_dump(mutated(original, path, junk)))
    before = {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    back = Path.cwd()
    os.chdir(folder)
    try:
        outcome = aegisgen("adopt", "argocd", "--write", "--lossy")
        if outcome.code == 2:
            assert outcome.err.strip()
            assert {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()} == before
        else:
            assert outcome.code == 0, outcome.out
            rendered = aegisgen("render", "--all", "--diff")
            assert (rendered.code, rendered.out) == (0, ""), rendered.err
    finally:
        os.chdir(back)
