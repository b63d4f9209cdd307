"""The profile with everything on: it composes, meets the schemas and the rules, and its scripts are clean."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.conftest import aegisgen
from tests.integration.steps_support import full, say

pytestmark = pytest.mark.tools
__all__ = ["full"]

VOLUME = {"volume": {"claim": "backups", "path": "api"}}
S3 = {"s3": {"bucket": "backups", "secret": {"name": "storage"}}}
URL = {"env": {"url": "DATABASE_URL"}, "secret": {"keys": ["DATABASE_URL"]}, "config": {"keys": []}}
PROFILES = [
    {},
    {"backup": VOLUME | {"onFailure": "warn", "maxAge": "2d"}},
    {"backup": S3 | {"onFailure": "warn", "keep": 3}},
    {"migrations": {"log": "json"}},
    {"database": URL},
]


def rendered_scripts(document: dict) -> list[str]:
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    found = [*pod.get("initContainers", ()), *pod.get("containers", ())]
    return [
        next(word for word in each["command"][2:] if "\n" in word)
        for each in found
        if each.get("command", [""])[0] == "/bin/sh"
    ]


@pytest.mark.parametrize("fields", PROFILES, ids=lambda fields: "-".join(fields) or "as-it-is")
def test_every_script_is_clean_and_left_alone_by_the_kubelet(full: Path, fields: dict) -> None:
    say(full, **fields)
    rendered = aegisgen("render", "production", "--stdout")
    assert rendered.code == 0, rendered.err
    scripts = [script for document in yaml.safe_load_all(rendered.out) for script in rendered_scripts(document)]
    assert len(scripts) >= 6
    shellcheck = Path(sys.executable).with_name("shellcheck")
    for script in scripts:
        done = subprocess.run(
            [shellcheck, "--norc", "--shell=sh", "-"],
            input=f"#!/bin/sh\n{script}",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "")
        # In `command` the kubelet expands $(NAME) and halves $$.
        assert "$$" not in script
        assert not re.search(r"\$\([A-Za-z_][A-Za-z0-9_]*\)", script)


@pytest.mark.parametrize("engine", ["aegisgen", "kubeconform"])
def test_it_composes_and_no_rule_or_schema_finds_an_error(full: Path, kustomize, engine: str) -> None:
    if engine == "kubeconform" and shutil.which("kubeconform") is None:
        pytest.skip("kubeconform not found on PATH")
    assert aegisgen("render", "--all").code == 0
    outcome = aegisgen("validate", "--engine", engine, str(full / "overlays/production/api"))
    assert "error" not in outcome.out, outcome.out
    assert outcome.code == 0
    assert aegisgen("check", "--all").code == 0


def test_the_plan_shows_the_steps_in_the_order_of_their_waves(full: Path, kustomize) -> None:
    assert aegisgen("render", "--all").code == 0
    plan = aegisgen("plan", "production").out
    names = ["ConfigMap/production-aegisx-api-migration-config"]
    names += [f"Job/production-aegisx-api-{step}" for step in ("backup", "dry-run", "migration", "checks")]
    places = [plan.index(f"{name}  [hook]") for name in names]
    assert places == sorted(places)


@pytest.mark.parametrize("step", ["backup", "dryRun", "checks"])
def test_a_step_that_a_service_takes_back_leaves_no_file(full: Path, step: str) -> None:
    before = aegisgen("render", "--all", "--stdout").out
    say(full, services={"api": {step: {"enabled": False}}})
    after = aegisgen("render", "--all", "--stdout")
    assert after.code == 0
    assert len(list(yaml.safe_load_all(after.out))) == len(list(yaml.safe_load_all(before))) - 1
