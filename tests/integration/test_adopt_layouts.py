"""Trees are laid out in many ways: where a migration may be written, and how folders name environments and services."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import yaml
from tests.conftest import refusal
from tests.trees import put

pytestmark = pytest.mark.tools

CONTAINER = """\
- name: migrate
  image: acme/shop:1.0
  command: [alembic, upgrade, head]
  env: [{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: shop, key: DATABASE_URL}}}]
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - {name: shop, image: "acme/shop:1.0"}
"""
JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: shop-migration
  annotations: {argocd.argoproj.io/hook: PreSync}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
"""


def indented(text: str, by: int) -> str:
    return "".join(" " * by + line for line in text.splitlines(keepends=True))


JOB += indented(CONTAINER, 8)
OPERATION = json.dumps(
    [{"op": "add", "path": "/spec/template/spec/initContainers", "value": yaml.safe_load(CONTAINER)}]
)
STRATEGIC = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  template:\n    spec:\n      initContainers:\n"
STRATEGIC += indented(CONTAINER, 8)
MORE = "  replicas: 2\n"


@pytest.fixture
def tree(here, kustomize):
    """Writes files into the working directory, in which there is a base."""
    put(here, {"base/kustomization.yaml": "resources: [shop.yaml]\n", "base/shop.yaml": DEPLOYMENT})
    return partial(put, here)


def adopt(cli, path: str) -> dict:
    outcome = cli("adopt", path, "--write", "--format", "json")
    assert outcome.code == 0, outcome.out + outcome.err
    (project,) = Path().rglob("aegisgen.yaml")
    rendered = cli("render", "--all", "--diff", "--project", str(project))
    assert (rendered.code, rendered.out) == (0, ""), rendered.out
    checked = cli("check", "--require-tools", "--project", str(project))
    assert "error" not in checked.out, checked.out
    return json.loads(outcome.out)


@pytest.mark.parametrize(
    ("kustomization", "patch", "left"),
    [
        ("patches: [{path: p.yaml}]\n", STRATEGIC, None),
        ("patchesStrategicMerge: [p.yaml]\n", STRATEGIC, None),
        ("patchesStrategicMerge:\n  - p.yaml\n", STRATEGIC + MORE, STRATEGIC.partition("  template")[0] + MORE),
        ("patches:\n  - path: p.yaml\n    target: {kind: Deployment}\n", OPERATION, None),
        ("patches:\n  - target: {kind: Deployment}\n    patch: |-\n" + indented(STRATEGIC, 6), "", None),
        ("patches:\n  - target: {kind: Deployment}\n    patch: '" + OPERATION + "'\n", "", None),
        ("patches:\n  - patch: |-\n" + indented(STRATEGIC + MORE, 6) + "    target: {kind: Deployment}\n", "", None),
        ("components: [../parts]\n", "", None),
    ],
)
def test_the_migration_is_taken_from_wherever_it_was_patched_in(tree, cli, kustomization, patch, left) -> None:
    tree(
        {
            "production/kustomization.yaml": f"# mine\nresources: [../base]\n{kustomization}nameSuffix: -x\n",
            "production/p.yaml": patch,
            "parts/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml}]\n",
            "parts/p.yaml": STRATEGIC,
        }
    )
    if not patch:
        Path("production/p.yaml").unlink()
    adopt(cli, "production")
    text = Path("production/kustomization.yaml").read_text()
    assert text.startswith("# mine\nresources: [../base, migration-runner]\n")
    assert "alembic" not in text
    assert ("replicas: 2" in text) == ("replicas: 2" in kustomization)
    file = Path("production/p.yaml")
    assert (file.read_text() if file.exists() else None) == left


def test_a_patch_of_the_job_alone_goes_with_it(tree, cli) -> None:
    patch = '[{"op": "replace", "path": "/spec/template/spec/restartPolicy", "value": "OnFailure"}]'
    tree(
        {
            "production/kustomization.yaml": "resources:\n  - ../base\n  - jobs/migrate.yaml\npatches:\n"
            "  - {path: often.yaml, target: {kind: Job}}\n  - {path: all.yaml, target: {name: shop.*}}\n",
            "production/often.yaml": patch,
            "production/all.yaml": '[{"op": "add", "path": "/metadata/labels", "value": {"team": "shop"}}]',
            "production/jobs/migrate.yaml": JOB,
        }
    )
    adopt(cli, "production")
    assert not Path("production/often.yaml").exists()
    assert not Path("production/jobs").exists()
    kustomization = yaml.safe_load(Path("production/kustomization.yaml").read_text())
    assert kustomization["resources"] == ["../base", "migration-runner", "migration-job.yaml"]
    assert kustomization["patches"] == [{"path": "all.yaml", "target": {"name": "shop.*"}}]


def test_a_job_in_a_list_leaves_the_list(tree, cli) -> None:
    other = "  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: other}\n"
    listed = "apiVersion: v1\nkind: List\nitems:\n" + other + "  - " + indented(JOB, 4).lstrip()
    tree({"production/kustomization.yaml": "resources: [../base, all.yaml]\n", "production/all.yaml": listed})
    adopt(cli, "production")
    assert Path("production/all.yaml").read_text() == "apiVersion: v1\nkind: List\nitems:\n" + other


def test_what_cannot_be_edited_safely_is_left_to_people(tree) -> None:
    inline = "{kind: Deployment, apiVersion: apps/v1, metadata: {name: shop}, spec: {replicas: 2, template: {spec: {initContainers: ["
    inline += json.dumps(yaml.safe_load(CONTAINER)[0]) + "]}}}}"
    tree(
        {
            "production/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
            "production/p.yaml": inline,
        }
    )
    message = refusal("adopt", "production", "--write")
    assert "production/p.yaml:1:1: a list or mapping on one line, expected one with a line for each item" in message
    assert Path("production/p.yaml").read_text() == inline
    assert not Path("aegisgen.yaml").exists()


OVERLAY = "resources: [{base}]\nnamespace: {env}\nnamePrefix: {env}-\n"


@pytest.mark.parametrize(
    ("folders", "names", "overlay"),
    [
        (["overlays/staging/shop", "overlays/production/shop"], {"shop": ["production", "staging"]}, None),
        (["overlays/dev", "overlays/prod"], {"shop": ["dev", "prod"]}, "overlays/{environment}"),
        (["envs/blue", "envs/green"], {"shop": ["blue", "green"]}, "envs/{environment}"),
        (["live", "test"], {"shop": ["live", "test"]}, "{environment}"),
        (["k8s/shop/prod", "k8s/shop/uat"], {"shop": ["prod", "uat"]}, "k8s/shop/{environment}"),
        (["prod/eu", "prod/us"], {"eu": ["prod"], "us": ["prod"]}, "{environment}/eu"),
        (["only"], {"shop": ["only"]}, "{environment}"),
    ],
)
def test_folders_tell_environments_and_services(tree, cli, folders, names, overlay) -> None:
    depth = {folder: "/".join([".."] * len(folder.split("/"))) for folder in folders}
    for folder in folders:
        env = folder.replace("/", "-")
        tree(
            {
                f"{folder}/kustomization.yaml": OVERLAY.format(
                    base=f"{depth[folder]}/base", env=env if len(names) == 1 else "x"
                )
                + "patches: [{path: p.yaml}]\n",
                f"{folder}/p.yaml": STRATEGIC,
            }
        )
    adopt(cli, ".")
    (file,) = Path().rglob("aegisgen.yaml")
    services = yaml.safe_load(file.read_text())["services"]
    found: dict[str, list[str]] = {}
    for profile in sorted(file.parent.glob("profiles/*.yaml")):
        for service in services if len(services) == 1 else yaml.safe_load(profile.read_text())["spec"]["services"]:
            found.setdefault(service, []).append(profile.stem)
    assert found == names
    assert services[min(services)].get("overlay") == overlay


def test_a_service_in_another_namespace_is_left_alone(tree, cli) -> None:
    for service, namespace in (("a", "one"), ("b", "two")):
        tree(
            {
                f"overlays/prod/{service}/kustomization.yaml": f"namespace: {namespace}\nresources: [../../../base]\npatches: [{{path: p.yaml}}]\n",
                f"overlays/prod/{service}/p.yaml": STRATEGIC,
            }
        )
    told = adopt(cli, "overlays")
    assert [each["directory"] for each in told["overlays"]] == ["overlays/prod/a"]
    assert told["skipped"] == [
        {"directory": "overlays/prod/b", "reason": "its namespace is two, that of overlays/prod/a one"}
    ]
    assert Path("overlays/prod/b/p.yaml").read_text() == STRATEGIC


def test_from_inside_of_the_tree_it_is_the_same(tree, cli, monkeypatch) -> None:
    tree(
        {
            "production/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
            "production/p.yaml": STRATEGIC,
        }
    )
    Path(".git").mkdir()  # what is the tree
    monkeypatch.chdir("production")
    outcome = cli("adopt", ".", "--write")
    assert outcome.code == 0, outcome.err
    assert Path("../aegisgen.yaml").is_file()
    assert cli("render", "--all", "--diff").code == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  command: [alembic, upgrade, head]\n", "", "container migrate says no command"),
        ("  command: [alembic, upgrade, head]\n", "  args: []\n", "container migrate says no command"),
    ],
)
def test_what_an_image_runs_by_itself_cannot_be_adopted(tree, cli, old, new, reason) -> None:
    tree(
        {
            "production/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
            "production/p.yaml": STRATEGIC.replace(indented(old, 8), indented(new, 8)),
        }
    )
    outcome = cli("adopt", "production")
    assert (outcome.code, reason in outcome.err) == (2, True), outcome.err


def test_a_variable_whose_key_no_config_map_has_is_lost(tree, cli) -> None:
    variable = "{name: LOG_LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}"
    tree(
        {
            "production/kustomization.yaml": "resources: [../base, job.yaml, map.yaml]\n",
            "production/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {other: x}\n",
            "production/job.yaml": JOB.replace("env: [", f"env: [{variable}, "),
        }
    )
    outcome = cli("adopt", "production", "--format", "json")
    (account,) = json.loads(outcome.out)["overlays"]
    assert outcome.code == 1
    assert [each["what"] for each in account["lost"]] == ["LOG_LEVEL: level is no key of ConfigMap settings"]


def test_an_image_without_a_tag_stays_without_one(tree, cli) -> None:
    tree(
        {
            "base/shop.yaml": DEPLOYMENT.replace("acme/shop:1.0", "acme/shop"),
            "production/kustomization.yaml": "resources: [../base, job.yaml]\n",
            "production/job.yaml": JOB.replace("acme/shop:1.0", "acme/shop"),
        }
    )
    (account,) = adopt(cli, "production")["overlays"]
    assert account["lost"] == []
    assert "images" not in yaml.safe_load(Path("production/kustomization.yaml").read_text())
