"""`aegisgen init`: a first project that renders and checks clean at once, and never takes anything away."""

from __future__ import annotations

import io
import itertools
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from tests.conftest import ROOT, disk_is_full, refusal
from tests.console import Terminal
from tests.small_fleet import git
from tests.trees import contents, put, replace

TOOLS = ("knex", "prisma", "flyway", "liquibase", "alembic", "django", "golang-migrate")
COMMANDS = ("--ping", "make ping", "--status", "make status", "--migrate", "make 'migrate all'", "--lock", "none")


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """An empty folder called shop, which is the working directory."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return folder


def project_of(folder: Path) -> dict:
    return yaml.safe_load((folder / "argocd/aegisgen.yaml").read_text())


@pytest.mark.tools
def test_in_an_empty_folder_init_render_and_check_come_out_clean(shop, cli, kustomize) -> None:
    assert cli("init", "--yes").code == 0
    assert cli("render", "--all").code == 0
    before = contents(shop)
    outcome = cli("check", "--require-tools")
    assert (outcome.code, outcome.out) == (0, "12 files checked, no findings\n")
    assert contents(shop) == before


@pytest.mark.tools
@pytest.mark.parametrize(
    ("tool", "kind"), list(zip(TOOLS, itertools.cycle(("StatefulSet", "DaemonSet")), strict=False))
)
def test_every_tool_and_kind_comes_out_clean(shop, cli, kustomize, tool, kind) -> None:
    assert cli("init", "--yes", "--tool", tool, "--kind", kind).code == 0
    assert cli("render", "--all").code == 0
    outcome = cli("check", "--require-tools")
    assert outcome.code == 0, outcome.out
    assert outcome.out.endswith("no findings\n")


def test_plain_commands_are_taken_as_words(shop, cli) -> None:
    assert cli("init", "--yes", "--tool", "command", *COMMANDS).code == 0
    migrations = project_of(shop)["services"]["shop"]["migrations"]
    assert migrations["commands"]["migrate"] == ["make", "migrate all"]
    assert migrations["lock"] == {"runtime": "none"}
    assert cli("render", "--all").code == 0


def test_modelines_lead_to_schemas_that_accept_the_files(shop, cli) -> None:
    cli("init", "--yes")
    for file in (shop / "argocd/aegisgen.yaml", *(shop / "argocd/profiles").iterdir()):
        modeline = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text())
        assert modeline
        schema = json.loads((file.parent / modeline[1]).read_text())
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(file.read_text()))


def test_what_stands_in_comments_loads_too(shop, cli) -> None:
    cli("init", "--yes")
    opened = 0
    for file in (shop / "argocd/aegisgen.yaml", *(shop / "argocd/profiles").iterdir()):
        text, count = re.subn(r"(?m)^( *)# (\w+: [\[{])", r"\1\2", file.read_text())
        file.write_text(text)
        opened += count
    assert opened == 2
    assert cli("render", "--all", "--stdout").code == 0


def test_the_schemas_are_renewed_on_request(shop, cli) -> None:
    cli("init", "--yes")
    old = shop / "argocd/.schemas/profile.json"
    old.write_text("{}")
    outcome = cli("schema", "--write")
    assert (
        outcome.out
        == "unchanged argocd/.schemas/project.json\ncreated   argocd/.schemas/services.json\nupdated   argocd/.schemas/profile.json\n"
    )
    assert json.loads(old.read_text()) == json.loads((ROOT / "schemas/aegisgen/profile.json").read_text())


# Never over anything


@pytest.mark.parametrize(
    "path", ["argocd/aegisgen.yaml", "argocd/profiles/staging.yaml", "argocd/.schemas/project.json"]
)
def test_what_is_there_is_named_and_stays(shop, path) -> None:
    file = shop / path
    put(file.parent, {file.name: "somebody's\n"})
    before = contents(shop)
    message = refusal("init", "--yes")
    assert message.startswith(f"{path} exists")
    assert "nothing was written" in message
    assert contents(shop) == before


def test_hand_written_overlays_are_left_to_adopt(shop) -> None:
    shutil.copytree(ROOT / "tests/fixtures/guide/argocd", shop / "argocd")
    before = contents(shop)
    assert "aegisgen adopt argocd/overlays" in refusal("init", "--yes")
    assert contents(shop) == before


def test_a_disk_that_fails_leaves_nothing(tmp_path, cli, monkeypatch) -> None:
    calls = itertools.count(1)
    monkeypatch.setattr(os, "fsync", lambda _: disk_is_full() if next(calls) > 4 else None)
    outcome = cli("init", str(tmp_path / "new/shop"), "--yes")
    assert (outcome.code, "No space left on device" in outcome.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_made(tmp_path, cli) -> None:
    assert cli("init", str(tmp_path / "new/shop"), "--yes").code == 0
    assert (tmp_path / "new/shop/argocd/aegisgen.yaml").is_file()


# Answers


def test_without_a_terminal_the_missing_flags_are_named(shop, cli) -> None:
    assert "give --image, or --yes" in refusal("init")
    assert contents(shop) == {}
    assert cli("init", "--image", "ghcr.io/example/shop").code == 0


def test_what_cannot_be_guessed_is_asked_for_even_so(shop) -> None:
    assert "give --status, --migrate, --lock;" in refusal("init", "--yes", "--tool", "command", "--ping", "true")
    assert contents(shop) == {}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--service", "My Shop"), "--service: 'My Shop' is not a DNS-1123 label"),
        (("--image", "shop:v1"), "--image: 'shop:v1' is not an image without tag or digest"),
        (("--port", "0"), "--port: '0' is not a port from 1 to 65535"),
        (("--port", "²"), "--port: '²' is not a port"),
        (("--tool", "command", "--ping", "'"), "--ping: \"'\" is not a command's words"),
        (("--tool", "knx"), "--tool: 'knx' is not knex or prisma or"),
        (("--env", "a b"), "--env a b: 'a b' is not a DNS-1123 label"),
        (("--env", "staging=both"), "--env staging=both: 'both' is not init-container or presync-job"),
        (("--env", "staging", "--env", "staging=presync-job"), "is named twice"),
        (("--namespace", "live=x"), "--namespace live=...: no such environment, expected one of staging, production"),
        (("--tag", "v1"), "--tag v1: expected ENV=VALUE"),
        (("--workload", "1shop"), "--workload: '1shop' is not a DNS-1035 label"),
        (("--workload", "w" * 60), "expected at most 63"),
        (("--env", "x=init-container", "--workload", "w" * 50, "--prefix", "x=" + "p" * 20), "Service's name"),
        (("--container", "db-migration"), "application container's name"),
    ],
)
def test_a_wrong_answer_is_refused_and_says_what_was_expected(shop, flags, message) -> None:
    assert message in refusal("init", "--yes", *flags)
    assert contents(shop) == {}


def test_flags_say_it_all(shop, cli) -> None:
    flags = (
        "--service api --image ghcr.io/acme/api --tool alembic --kind StatefulSet --workload acme-api --container web"
    )
    environments = "--env qa=presync-job --env live=init-container --namespace live=acme --prefix live= --tag live=2.1 --database-host live=db"
    assert cli("init", "--yes", *flags.split(), *environments.split(), "--config", "c", "--secret", "s").code == 0
    service = project_of(shop)["services"]["api"]
    assert service["workload"] == {"kind": "StatefulSet", "name": "acme-api", "container": "web"}
    assert (service["database"]["config"]["name"], service["database"]["secret"]["name"]) == ("c", "s")
    live = yaml.safe_load((shop / "argocd/profiles/live.yaml").read_text())["spec"]
    assert (live["namespace"], live["strategy"], live["image"]) == ("acme", "init-container", {"tag": "2.1"})
    assert "namePrefix" not in live
    assert live["services"]["api"]["config"] == {"DATABASE_HOST": "db"}
    assert sorted(path.name for path in (shop / "argocd/profiles").iterdir()) == ["live.yaml", "qa.yaml"]


# On a terminal


def test_a_person_is_asked_and_enter_takes_the_default(shop, cli, monkeypatch) -> None:
    typed = "api\n\nStatefulset\nStatefulSet\n\n\n\nalembic\n\n\nqa\npresync-job\n\n-\n\ndb.example.com\n"
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    outcome = cli("init")
    assert outcome.code == 0, outcome.err
    assert "Its image, without a tag [ghcr.io/example/api]: " in outcome.err
    assert "'Statefulset' is not Deployment or StatefulSet or DaemonSet\n" in outcome.err
    assert project_of(shop)["services"]["api"]["workload"]["kind"] == "StatefulSet"
    profile = yaml.safe_load((shop / "argocd/profiles/qa.yaml").read_text())["spec"]
    assert profile["services"]["api"]["config"] == {"DATABASE_HOST": "db.example.com"}
    assert "namePrefix" not in profile
    assert "guessed" not in outcome.out


@pytest.mark.parametrize("answered", range(0, 16, 3))
def test_the_end_of_the_input_writes_nothing(shop, monkeypatch, answered) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("\n" * answered))
    assert "nothing was written" in refusal("init")
    assert contents(shop) == {}


def test_an_interrupt_at_a_question_writes_nothing(tmp_path) -> None:
    """On a real terminal, with a real Ctrl-C."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "aegisgen", "init"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        shown = b""
        deadline = time.monotonic() + 60
        while b"Name of the service" not in shown and time.monotonic() < deadline:
            shown += os.read(master, 1000)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    os.close(master)
    assert b"Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


# Clues


def test_a_node_repository_tells_of_itself(shop, cli) -> None:
    scripts = {
        "check:ping": "node ping.js",
        "migrate": "knex migrate:latest",
        "migrate:prod": "knex --env production migrate:latest",
        "migrations": "knex migrate:list",
    }
    package = {
        "name": "@acme/orders",
        "scripts": scripts,
        "dependencies": {"knex": "3"},
        "packageManager": "yarn@4.1.0",
    }
    (shop / "package.json").write_text(json.dumps(package))
    (shop / "Dockerfile").write_text("FROM node:22-alpine\nEXPOSE 3000/tcp\n")
    git(shop, "init", "-q")
    git(shop, "remote", "add", "origin", "git@github.com:Acme/Orders.git")
    outcome = cli("init")
    assert outcome.code == 0, outcome.err
    service = project_of(shop)["services"]["orders"]
    assert service["image"] == "ghcr.io/acme/orders"
    assert service["migrations"] == {
        "tool": "knex",
        "packageManager": "yarn",
        "scripts": {"status": "migrations", "migrate": "migrate", "ping": "check:ping"},
        "commands": {"rollback": ["yarn", "run", "knex", "migrate:rollback"]},
    }
    assert "containerPort: 3000" in (shop / "argocd/base/orders/deployment.yaml").read_text()
    assert "look at what was guessed (database-host)" in outcome.out


@pytest.mark.parametrize(
    ("file", "content", "tool"),
    [
        ("alembic.ini", "[alembic]\n", "alembic"),
        ("manage.py", "", "django"),
        ("knexfile.ts", "", "knex"),
        ("prisma/schema.prisma", "", "prisma"),
        ("flyway.toml", "", "flyway"),
        ("liquibase.properties", "", "liquibase"),
        ("db/migrations/1_users.up.sql", "", "golang-migrate"),
        ("package.json", '{"devDependencies": {"prisma": "6"}}', "prisma"),
    ],
)
def test_files_tell_which_tool_migrates(shop, cli, file, content, tool) -> None:
    put(shop, {file: content})
    assert cli("init", "--yes").code == 0
    assert project_of(shop)["services"]["shop"]["migrations"]["tool"] == tool


def test_prisma_without_a_client_for_the_lock_relies_on_its_own(shop, cli) -> None:
    (shop / "package.json").write_text('{"devDependencies": {"prisma": "6"}}')
    cli("init", "--yes")
    assert project_of(shop)["services"]["shop"]["migrations"]["lock"] == {"runtime": "none"}


@pytest.mark.tools
def test_a_base_that_is_there_says_what_the_workload_is(shop, cli, kustomize) -> None:
    shutil.copytree(ROOT / "argocd/base", shop / "argocd/base")
    before = contents(shop)
    outcome = cli("init", "--port", "1")
    assert outcome.code == 0, outcome.err
    service = project_of(shop)["services"]["api"]
    assert service["workload"] == {"kind": "Deployment", "name": "aegisx-api", "container": "api"}
    assert service["image"] == "ghcr.io/aegisx-platform/aegisx-starter-api"
    assert service["imagePullSecrets"] == ["ghcr-secret"]
    assert service["database"]["config"]["name"] == "aegisx-api-config"
    assert {path: content for path, content in contents(shop).items() if path in before} == before
    assert cli("render", "--all").code == 0
    outcome = cli("check", "--require-tools")
    assert (outcome.code, "no findings" in outcome.out) == (0, True), outcome.out


@pytest.mark.tools
def test_a_base_without_a_config_map_is_not_merged_into(shop, cli, kustomize) -> None:
    base = shop / "argocd/base"
    shutil.copytree(ROOT / "argocd/base/api", base)
    replace(base / "kustomization.yaml", "  - configmap.yaml\n", "")
    assert cli("init", "--yes").code == 0
    assert project_of(shop)["services"]["aegisx-api"]["base"] == "base"
    assert cli("render", "--all").code == 0
    outcome = cli("check", "--require-tools")
    assert outcome.code == 0, outcome.out


def test_of_several_bases_somebody_has_to_choose_one(shop, cli) -> None:
    for name in ("api", "web"):
        shutil.copytree(ROOT / "argocd/base/api", shop / "argocd/base" / name)
    assert "give --service (api or web)" in refusal("init", "--yes")
    assert cli("init", "--yes", "--service", "web").code == 0
    assert list(project_of(shop)["services"]) == ["web"]


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b"\xff\xfe", b'{"name": 3, "scripts": [], "packageManager": {}}', b"[" * 100_000]
)
def test_a_package_json_that_makes_no_sense_tells_nothing(shop, cli, content) -> None:
    (shop / "package.json").write_bytes(content)
    assert cli("init", "--yes").code == 0
    assert list(project_of(shop)["services"]) == ["shop"]
