"""`aegisgen adopt` on trees that people wrote: what it says differs is what differs, and afterwards all is clean.

The composed differences are worked out a second time here, leaf by leaf, from what the real Kustomize prints.
"""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from tests.conftest import ROOT, disk_is_full, refusal
from tests.processes import composed
from tests.trees import contents

pytestmark = pytest.mark.tools

GUIDE = ROOT / "tests/fixtures/guide"
LAYOUTS = ROOT / "tests/fixtures/adopt"
# The tree, what is adopted of it, where the project comes to lie, its overlays, and whether nothing is lost.
TREES = {
    "guide": (GUIDE, "argocd/overlays", "argocd", ("overlays/production/api", "overlays/staging/api"), True),
    "alembic-helm-hook": (
        LAYOUTS / "alembic-helm-hook", "deploy", "deploy", ("overlays/production", "overlays/staging"), True,
    ),
    "prisma-init-container": (
        LAYOUTS / "prisma-init-container", "apps", "apps/orders", ("overlays/dev", "overlays/prod"), True,
    ),
    "django-bare-job": (LAYOUTS / "django-bare-job", ".", "k8s", ("live", "test"), False),
}  # fmt: skip
NAMED = ("name", "mountPath", "containerPort")


@pytest.fixture
def copied(here, kustomize):
    """Makes the working directory a copy of a hand-written tree."""
    return partial(shutil.copytree, dst=here, dirs_exist_ok=True)


@pytest.fixture(params=TREES)
def tree(request, copied):
    """A copy of a hand-written tree as the working directory."""
    source, path, root, overlays, complete = TREES[request.param]
    copied(source)
    return Tree(path, Path(root), overlays, complete)


class Tree:
    def __init__(self, path: str, root: Path, overlays: tuple[str, ...], complete: bool) -> None:
        self.path, self.root, self.overlays, self.complete = path, root, overlays, complete

    @property
    def write(self) -> tuple[str, ...]:
        return ("adopt", self.path, "--write") if self.complete else ("adopt", self.path, "--write", "--lossy")

    @property
    def project(self) -> tuple[str, str]:
        return ("--project", str(self.root / "aegisgen.yaml"))


def leaves(value: object, path: str = "") -> dict[str, object]:
    """Every plain value by its place; items that have names are known by them."""
    if isinstance(value, dict) and value:
        return {k: v for key, item in value.items() for k, v in leaves(item, f"{path}.{key}" if path else key).items()}
    if isinstance(value, list) and value:
        keys = [
            next((item[key] for key in NAMED if key in item), None) if isinstance(item, dict) else None
            for item in value
        ]
        names = keys if None not in keys and len(set(keys)) == len(keys) else range(len(value))
        return {
            k: v for name, item in zip(names, value, strict=True) for k, v in leaves(item, f"{path}[{name}]").items()
        }
    return {path: value}


def renamed(objects: dict[str, dict], told: list[dict]) -> dict[str, dict]:
    """A Job's container is called otherwise afterwards, which is told; then it is one container with two names."""
    for difference in told:
        if difference["field"].endswith("].name"):
            for container in objects[difference["resource"]]["spec"]["template"]["spec"]["containers"]:
                if container["name"] == difference["before"]:
                    container["name"] = difference["after"]
    return objects


def test_what_it_says_differs_is_what_differs(tree, cli, kustomize) -> None:
    before = {overlay: composed(kustomize, tree.root / overlay) for overlay in tree.overlays}
    told = json.loads(cli(*tree.write, "--format", "json").out)
    assert told["written"]
    after = {overlay: composed(kustomize, tree.root / overlay) for overlay in tree.overlays}

    assert [each["directory"] for each in told["overlays"]] == [(tree.root / each).as_posix() for each in tree.overlays]
    for overlay, account in zip(tree.overlays, told["overlays"], strict=True):
        differences = account["differences"]
        old, new = renamed(before[overlay], differences), after[overlay]
        listed = {(each["resource"], each["field"]) for each in differences if not each["field"].endswith("].name")}
        covered = set()
        for name in old.keys() | new.keys():
            mine, theirs = leaves(old.get(name, {})), leaves(new.get(name, {}))
            differing = {path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path)} - {""}
            for path in differing:
                above = {
                    (resource, field)
                    for resource, field in listed
                    if resource == name and (not field or path == field or path.startswith((f"{field}.", f"{field}[")))
                }
                assert above, f"{overlay}: {name} {path} differs, and nobody says so"
                covered |= above
        assert covered == listed, f"{overlay}: said to differ, but does not"


def test_a_field_that_is_listed_has_the_values_that_are_listed(tree, cli, kustomize) -> None:
    before = {overlay: composed(kustomize, tree.root / overlay) for overlay in tree.overlays}
    told = json.loads(cli(*tree.write, "--format", "json").out)
    after = {overlay: composed(kustomize, tree.root / overlay) for overlay in tree.overlays}
    plain = 0
    for overlay, account in zip(tree.overlays, told["overlays"], strict=True):
        for each in account["differences"]:
            if each["field"].endswith("].name"):
                continue
            old = leaves(renamed(before[overlay], account["differences"]).get(each["resource"], {}))
            new = leaves(after[overlay].get(each["resource"], {}))
            for listed, real in ((each["before"], old), (each["after"], new)):
                if isinstance(listed, (str, int)):
                    assert real[each["field"]] == listed
                    plain += 1
    assert plain > 3


def test_afterwards_there_is_nothing_to_render_and_nothing_wrong(tree, cli) -> None:
    assert cli(*tree.write).code == 0
    outcome = cli("render", "--all", "--diff", *tree.project)
    assert (outcome.code, outcome.out) == (0, "")
    outcome = cli("check", "--require-tools", *tree.project)
    assert outcome.code == 0, outcome.out


def test_without_write_nothing_is_written(tree, cli) -> None:
    before = contents(Path())
    outcome = cli("adopt", tree.path)
    assert outcome.code == (0 if tree.complete else 1)
    assert "Nothing was written" in outcome.out
    assert contents(Path()) == before


def test_what_is_lost_stops_the_writing_and_says_where_it_stands(copied, cli) -> None:
    copied(LAYOUTS / "django-bare-job")
    before = contents(Path())
    outcome = cli("adopt", "k8s", "--write", "--format", "json")
    assert outcome.code == 1
    assert contents(Path()) == before
    lost = {(each["path"], each["line"]): each["what"] for each in json.loads(outcome.out)["overlays"][0]["lost"]}
    lines = Path("k8s/live/jobs.yaml").read_text().splitlines()
    for (path, line), what in lost.items():
        assert path == "k8s/live/jobs.yaml"
        for word in ("createcachetable", "volumeMounts", "volumes"):
            assert (word in what) <= (word in lines[line - 1] or word in lines[line - 2]), f"{line}: {what}"
    assert sorted(what.split()[-1] for what in lost.values()) == ["createcachetable", "over", "over"]


def test_entries_and_files_of_others_stay_as_they_are(copied, cli) -> None:
    copied(LAYOUTS / "django-bare-job")
    before = Path("k8s/live/jobs.yaml").read_text()
    kustomization = Path("k8s/live/kustomization.yaml").read_text()
    cli("adopt", "k8s", "--write", "--lossy")
    assert Path("k8s/live/jobs.yaml").read_text() == before.partition("---\n")[0]
    assert Path("k8s/live/kustomization.yaml").read_text() == kustomization.replace(
        "  - jobs.yaml\n", "  - jobs.yaml\n  - migration-runner\n  - migration-job.yaml\n"
    )


def test_another_init_container_and_another_patch_stay(copied, cli, monkeypatch) -> None:
    copied(LAYOUTS / "prisma-init-container")
    monkeypatch.chdir("apps/orders")
    base = Path("base/orders.yaml").read_text()
    patch = Path("overlays/prod/deployment-patch.yaml").read_text()
    assert cli("adopt", "overlays", "--write").code == 0

    start = base.index("      # Prisma waits at most ten seconds")
    assert Path("base/orders.yaml").read_text() == base[:start] + base[base.index("      containers:\n") :]
    # the patch had the name that a generated file must have: what is left of it has another one
    start = patch.index("      initContainers:\n")
    assert (
        Path("overlays/prod/deployment-patch-own.yaml").read_text()
        == patch[:start] + patch[patch.index("      containers:\n") :]
    )
    kustomization = Path("overlays/prod/kustomization.yaml").read_text()
    assert "patchesStrategicMerge:\n- deployment-patch-own.yaml\n" in kustomization
    assert (
        "patches:\n- path: deployment-patch.yaml\n  target:\n    kind: StatefulSet\n    name: orders\n" in kustomization
    )


def test_a_disk_that_fails_leaves_the_hand_written_tree(copied, cli, monkeypatch) -> None:
    copied(GUIDE)
    before, calls = contents(Path()), count(1)
    monkeypatch.setattr(os, "fsync", lambda _: disk_is_full() if next(calls) > 5 else None)
    outcome = cli("adopt", "argocd", "--write")
    assert (outcome.code, "No space left on device" in outcome.err) == (2, True)
    assert contents(Path()) == before


def test_an_overlay_beside_that_shares_the_migration_is_named(copied, cli) -> None:
    copied(LAYOUTS / "alembic-helm-hook")
    outcome = cli("adopt", "deploy/overlays/production", "--write", "--format", "json")
    assert outcome.code == 1
    (account,) = json.loads(outcome.out)["overlays"]
    assert account["lost"] == [
        {
            "path": "deploy/base/migrate.yaml",
            "line": 1,
            "what": "deploy/overlays/staging uses this file too and is not adopted: it would lose its migration",
        }
    ]


def test_a_project_is_not_adopted_again(cli, project, kustomize) -> None:
    outcome = cli("adopt", "argocd/overlays")
    assert (outcome.code, "this is a project already" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere: no such folder"),
        (("empty",), "no kustomization.yaml in empty"),
        (("plain",), "nothing to adopt\n    plain: no migration in it"),
        (("broken",), "nothing to adopt\n    broken: Kustomize does not build it: missing.yaml does not exist"),
    ],
)
@pytest.mark.usefixtures("kustomize")
def test_where_there_is_nothing_to_adopt_it_says_why(tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "plain", "broken"):
        Path(name).mkdir()
    Path("plain/kustomization.yaml").write_text("resources: [map.yaml]\n")
    Path("plain/map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    Path("broken/kustomization.yaml").write_text("resources: [missing.yaml]\n")
    assert message in refusal("adopt", *arguments)


def test_a_secret_in_plain_text_is_neither_carried_over_nor_shown(copied, cli) -> None:
    copied(GUIDE)
    job = Path("argocd/overlays/production/api/migration-job.yaml")
    text = job.read_text()
    start = text.index("              valueFrom:\n                secretKeyRef:\n")
    job.write_text(text[:start] + "              value: tr0ub4dor&3\n" + text[text.index("          resources:\n") :])
    for form in ("text", "json"):
        outcome = cli("adopt", "argocd", "--write", "--format", form)
        assert outcome.code == 1
        assert "tr0ub4dor" not in outcome.out + outcome.err
        assert "DATABASE_PASSWORD: a secret in plain text" in outcome.out
    assert cli("adopt", "argocd", "--write", "--lossy").code == 0
    assert all(b"tr0ub4dor" not in content for content in contents(Path()).values())
