"""What a profile states is true in the composed result, or `check` fails: with real Kustomize as the judge."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from tests.tools import need
from tests.trees import edited, replace

pytestmark = pytest.mark.tools

IMAGE = "ghcr.io/aegisx-platform/aegisx-starter-api"
DIGEST = "sha256:" + "a" * 64
OVERLAY = "overlays/production/api"


class Field(NamedTuple):
    """A field of the production profile: what it is, what it becomes, and where that comes out."""

    change: Callable[[dict], None]
    written: str
    """What `check` and `render` say of the change."""
    by_hand: tuple[str, str]
    """An edit of the kustomization that makes it untrue."""
    out: Callable[[dict[tuple[str, str], dict]], object]
    wanted: object


def put(*path: str, value: object) -> Callable[[dict], None]:
    def change(spec: dict) -> None:
        for part in path[:-1]:
            spec = spec[part]
        spec[path[-1]] = value

    return change


def container(objects: dict[tuple[str, str], dict], kind: str, name: str) -> dict:
    return objects[kind, name]["spec"]["template"]["spec"]["containers"][0]


def images(found: dict) -> set[str]:
    """Return the images of the application and of its migration."""
    places = (("Deployment", "production-aegisx-api"), ("Job", "production-aegisx-api-migration"))
    return {container(found, *place)["image"] for place in places}


FIELDS = {
    "namespace": Field(
        put("namespace", value="other"),
        "namespace: production -> other",
        ("namespace: other", "namespace: third"),
        lambda found: {each["metadata"]["namespace"] for each in found.values()},
        {"other"},
    ),
    "namePrefix": Field(
        put("namePrefix", value="live-"),
        "namePrefix: production- -> live-",
        ("namePrefix: live-", "namePrefix: dead-"),
        lambda found: ("Deployment", "live-aegisx-api") in found,
        True,
    ),
    "nameSuffix": Field(
        put("nameSuffix", value="-b"),
        "nameSuffix: none -> -b",
        ('nameSuffix: "-b"', "nameSuffix: -c"),
        lambda found: ("Deployment", "production-aegisx-api-b") in found,
        True,
    ),
    "tag": Field(
        put("image", "tag", value="v2"),
        f"images[{IMAGE}].newTag: production -> v2",
        ("newTag: v2", "newTag: v3"),
        images,
        {f"{IMAGE}:v2"},
    ),
    "digest": Field(
        put("image", value={"digest": DIGEST}),
        f"images[{IMAGE}].newTag: production -> none, images[{IMAGE}].digest: none -> {DIGEST}",
        ("digest: ", "newTag: v3 # "),
        images,
        {f"{IMAGE}@{DIGEST}"},
    ),
    "replicas": Field(
        put("services", "api", "replicas", value=7),
        "replicas[aegisx-api]: 3 -> 7",
        ("count: 7", "count: 8"),
        lambda found: found["Deployment", "production-aegisx-api"]["spec"]["replicas"],
        7,
    ),
    "a config value": Field(
        put("services", "api", "config", "DATABASE_HOST", value="it's: another"),
        "aegisx-api-config.DATABASE_HOST: production-aegisx-postgres -> it's: another",
        ("it's: another", "mine"),
        lambda found: {
            found["ConfigMap", f"production-aegisx-api-{name}"]["data"]["DATABASE_HOST"]
            for name in ("config", "migration-config")
        },
        {"it's: another"},
    ),
    "a new config value": Field(
        put("services", "api", "config", "LOG_LEVEL", value="debug"),
        "aegisx-api-config.LOG_LEVEL: none -> debug",
        ("LOG_LEVEL=debug", "LOG_LEVEL=info"),
        lambda found: found["ConfigMap", "production-aegisx-api-config"]["data"]["LOG_LEVEL"],
        "debug",
    ),
}


def composed(kustomize: tuple[str, ...], folder: Path) -> dict[tuple[str, str], dict]:
    done = subprocess.run([*kustomize, str(folder)], capture_output=True, text=True, check=True)
    documents = yaml.safe_load_all(done.stdout)
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_the_profile_is_what_comes_out(project, cli, kustomize, name: str) -> None:
    field = FIELDS[name]
    file = project / OVERLAY / "kustomization.yaml"
    with edited(project / "profiles/production.yaml") as profile:
        field.change(profile["spec"])
    for how in ([], ["--no-compose"]):
        found = cli("check", "production", *how)
        assert found.code == 1
        line = next(line for line in found.out.splitlines() if "kustomization.yaml" in line and "D001" in line)
        assert f": error[D001] not what the profile states: {field.written}" in line
        number = int(line.split(":")[1])
        changed = file.read_text().splitlines()[number - 1] if number <= len(file.read_text().splitlines()) else ""
        assert changed or "none ->" in field.written

    rendered = cli("render", "production")
    for part in field.written.split(", "):
        assert f"            {part}\n" in rendered.out
    assert field.out(composed(kustomize, project / OVERLAY)) == field.wanted
    assert cli("check", "production").code == 0

    replace(file, *field.by_hand)
    for how in ([], ["--no-compose"]):
        assert cli("check", "production", *how).code == 1
    cli("render", "production")
    assert field.out(composed(kustomize, project / OVERLAY)) == field.wanted


@pytest.mark.parametrize(
    ("removed", "kept"),
    [
        (lambda spec: spec.pop("image"), f"images[{IMAGE}].newTag: v5"),
        (lambda spec: spec["services"]["api"].pop("replicas"), "replicas[aegisx-api]: 9"),
        (lambda spec: spec.pop("namePrefix"), "namePrefix: mine-"),
    ],
)
def test_a_statement_that_is_removed_leaves_the_value_to_the_file(project, cli, removed, kept: str) -> None:
    file = project / OVERLAY / "kustomization.yaml"
    for old, new in (
        ("newTag: production", "newTag: v5"),
        ("count: 3", "count: 9"),
        ("Prefix: production-", "Prefix: mine-"),
    ):
        if new.partition(": ")[2] == kept.rpartition(": ")[2]:
            replace(file, old, new)
    with edited(project / "profiles/production.yaml") as profile:
        removed(profile["spec"])
    before = file.read_bytes()
    told = cli("render", "production")
    assert told.code == 0, told.err
    assert f"            {kept} (the file's: the profile says nothing of it)\n" in told.out
    assert file.read_bytes() == before


PATCHES = {
    "replicas by a transformer": (
        "transformers: [count.yaml]\n",
        {
            "count.yaml": "apiVersion: builtin\nkind: ReplicaCountTransformer\nmetadata: {name: r}\n"
            "replica: {name: aegisx-api, count: 9}\nfieldSpecs: [{path: spec/replicas, kind: Deployment}]\n"
        },
        "replicas is 9, the profile states 3",
        "kustomization.yaml:32:",
    ),
    "the image by a patch": (
        "patches:\n  - path: fork.yaml\n",
        {
            "fork.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: aegisx-api}\nspec:\n  template:\n    spec:\n"
            "      containers:\n        - {name: api, image: 'registry.example.com/fork:v1'}\n"
        },
        f"the image of container api is registry.example.com/fork:v1, the profile states {IMAGE}:production",
        "fork.yaml:8",
    ),
    "the image by a component": (
        "components: [../../../fork]\n",
        {
            "../../../fork/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
            f"  - name: {IMAGE}\n    newName: registry.example.com/fork\n    newTag: v1\n"
        },
        f"the image of container api is registry.example.com/fork:v1, the profile states {IMAGE}:production",
        "fork/kustomization.yaml:6",
    ),
    "a config value by a patch": (
        "patches:\n  - path: config.yaml\n",
        {"config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aegisx-api-migration-config}\ndata: {DATABASE_NAME: mine}\n"},
        "DATABASE_NAME of container migration is mine, the profile states aegisx",
        "config.yaml:4",
    ),
    "a variable of the application": (
        "patches:\n  - path: env.yaml\n",
        {
            "env.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: aegisx-api}\nspec:\n  template:\n    spec:\n"
            "      containers:\n        - name: api\n          env: [{name: DATABASE_HOST, value: elsewhere}]\n"
        },
        "DATABASE_HOST of container api is elsewhere, the profile states production-aegisx-postgres",
        "env.yaml:9",
    ),
    "the pull secrets by a patch": (
        "patches:\n  - target: {kind: Job}\n    patch: '[{\"op\": \"remove\", \"path\": \"/spec/template/spec/imagePullSecrets\"}]'\n",
        {},
        "imagePullSecrets is not set, the profile states ghcr-secret",
        "kustomization.yaml:34:",
    ),
    "the pull secrets by a directive": (
        "patches:\n  - path: none.yaml\n",
        {
            "none.yaml": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: aegisx-api-migration}\nspec:\n  template:\n"
            "    spec:\n      imagePullSecrets:\n        - $patch: replace\n"
        },
        "imagePullSecrets is not set, the profile states ghcr-secret",
        "none.yaml:7:",
    ),
    "the pull secrets by a component": (
        "components: [../../../other]\n",
        {
            "../../../other/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
            "- target: {kind: Job}\n  patch: |-\n    - op: remove\n      path: /spec/template/spec/imagePullSecrets\n"
        },
        "imagePullSecrets is not set, the profile states ghcr-secret",
        "other/kustomization.yaml:6:",
    ),
    "the container's name by a patch": (
        "patches:\n  - target: {kind: Deployment}\n    patch: '[{\"op\": \"replace\", \"path\": \"/spec/template/spec/containers/0/name\", \"value\": \"web\"}]'\n",
        {},
        "has no container api, which the profile states; it has web",
        "kustomization.yaml:34:",
    ),
    "the workload by a patch": (
        "patches:\n  - target: {kind: Deployment}\n    options: {allowNameChange: true}\n"
        "    patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"web\"}]'\n",
        {},
        "no Deployment production-aegisx-api comes out, which the profile states; what comes out is Deployment/production-web",
        "kustomization.yaml:35:",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PATCHES)
def test_what_overrides_the_profile_is_an_error_at_its_line(project, cli, kustomize, name: str) -> None:
    added, files, message, place = PATCHES[name]
    folder = project / OVERLAY
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    with (folder / "kustomization.yaml").open("a") as file:
        file.write(added)
    told = cli("check", "production")
    assert told.code == 1
    found = [line for line in told.out.splitlines() if "error[D003]" in line]
    assert any(message in line and place in line for line in found), told.out


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("container: api", "container: web"), "error[D003] Deployment"),
        (("    image: ghcr", "    base: base/nowhere\n    image: ghcr"), "does not exist"),
    ],
)
@pytest.mark.parametrize("how", [[], ["--no-compose"]])
def test_a_container_or_a_base_that_is_not_there_is_an_error(project, cli, edit, expected, how) -> None:
    old, new = edit
    replace(project / "aegisgen.yaml", old, new)
    cli("render", "production")
    told = cli("check", "production", *how)
    assert told.code == 1
    assert expected in told.out, told.out + told.err


def test_the_runbooks_rollback_to_the_letter_changes_the_composed_image_back(project, cli, kustomize) -> None:
    profile = project / "profiles/production.yaml"
    replace(profile, "tag: production", "tag: v1")
    cli("render", "production")
    replace(profile, "tag: v1", "tag: v2")
    cli("render", "production")
    page = cli("runbook", "production").out
    assert "aegisgen render production" in page
    replace(profile, "tag: v2", "tag: v1")
    cli("render", "production")
    found = composed(kustomize, project / OVERLAY)
    assert container(found, "Deployment", "production-aegisx-api")["image"] == f"{IMAGE}:v1"
    assert container(found, "Job", "production-aegisx-api-migration")["image"] == f"{IMAGE}:v1"


def by_profile(project: Path) -> None:
    replace(project / "profiles/production.yaml", "tag: production", "tag: v8")


def by_pipeline(project: Path) -> None:
    replace(project / "profiles/production.yaml", "  image: {tag: production}\n", "")
    program = need("kustomize")
    subprocess.run([program, "edit", "set", "image", f"{IMAGE}:v8"], cwd=project / OVERLAY, check=True)


def by_image_updater(project: Path) -> None:
    """With `write-back-target: kustomization` it writes what `kustomize edit` would, the name said twice."""
    replace(project / "profiles/production.yaml", "  image: {tag: production}\n", "")
    with edited(project / OVERLAY / "kustomization.yaml") as kustomization:
        kustomization["images"] = [{"name": IMAGE, "newName": IMAGE, "newTag": "v8"}]


@pytest.mark.parametrize("set_image", [by_profile, by_pipeline, by_image_updater])
def test_each_way_to_set_the_image_migrates_with_what_is_deployed(project, cli, kustomize, set_image) -> None:
    set_image(project)
    assert cli("render", "production").code == 0
    found = composed(kustomize, project / OVERLAY)
    for kind, name in (("Deployment", "production-aegisx-api"), ("Job", "production-aegisx-api-migration")):
        assert container(found, kind, name)["image"] == f"{IMAGE}:v8"
    told = cli("check", "production")
    assert (told.code, "G301" in told.out, "H111" in told.out) == (0, False, False)


def test_another_base_takes_the_place_of_the_one_before(project, cli, kustomize) -> None:
    shutil.copytree(project / "base/api", project / "base/new")
    replace(project / "aegisgen.yaml", "    image: ghcr", "    base: base/new\n    image: ghcr")
    assert cli("check", "production").code == 1
    assert cli("render", "production").code == 0
    assert "  - ../../../base/new\n" in (project / OVERLAY / "kustomization.yaml").read_text()
    assert "base/api" not in (project / OVERLAY / "kustomization.yaml").read_text()
    assert cli("check", "production").code == 0


def test_a_suffix_that_the_profile_leaves_to_the_file_is_no_error(project, cli, kustomize) -> None:
    file = project / OVERLAY / "kustomization.yaml"
    replace(file, "namePrefix: production-\n", "namePrefix: production-\nnameSuffix: -blue\n")
    assert ("Deployment", "production-aegisx-api-blue") in composed(kustomize, project / OVERLAY)
    for how in ([], ["--no-compose"]):
        told = cli("check", "production", *how)
        assert (told.code, "D003" in told.out) == (0, False), told.out


def test_a_base_that_the_profile_does_not_give_belongs_to_the_file(project, cli, kustomize) -> None:
    middle = project / "middle/api"
    middle.mkdir(parents=True)
    (middle / "kustomization.yaml").write_text("resources: [../../base/api]\ncommonAnnotations: {team: data}\n")
    file = project / OVERLAY / "kustomization.yaml"
    replace(file, "../../../base/api", "../../../middle/api")
    before = file.read_bytes()
    assert cli("check", "production").code == 0
    assert cli("render", "production").code == 0
    assert file.read_bytes() == before


def test_a_base_among_bases_is_replaced_there(project, cli, kustomize) -> None:
    shutil.copytree(project / "base/api", project / "base/new")
    file = project / OVERLAY / "kustomization.yaml"
    replace(file, "resources:\n  - ../../../base/api\n", "bases:\n  - ../../../base/api\nresources:\n")
    replace(project / "aegisgen.yaml", "    image: ghcr", "    base: base/new\n    image: ghcr")
    told = cli("check", "production")
    assert "not what the profile states: base: ../../../base/api -> ../../../base/new" in told.out
    cli("render", "production")
    assert "bases:\n  - ../../../base/new\nresources:\n  - service-account.yaml\n" in file.read_text()
    assert composed(kustomize, project / OVERLAY)
    assert cli("check", "production").code == 0


def test_a_kustomization_in_json_stays_json(project, cli, kustomize) -> None:
    file = project / OVERLAY / "kustomization.yaml"
    data = yaml.safe_load(file.read_text())
    file.write_text(json.dumps(data, indent=2) + "\n")
    with edited(project / "profiles/production.yaml") as profile:
        profile["spec"]["services"]["api"]["config"] = {"DATABASE_HOST": "other", "NEW": "x"}
        profile["spec"]["nameSuffix"] = "-b"
        profile["spec"]["image"] = {"digest": DIGEST}
    assert cli("render", "production").code == 0
    assert json.loads(file.read_text())["images"] == [{"name": IMAGE, "digest": DIGEST}]
    assert json.loads(file.read_text())["configMapGenerator"][0]["literals"][-1] == "NEW=x"
    assert cli("check", "production").code == 0


@pytest.mark.parametrize(
    ("written", "stated", "message"),
    [
        ("", "other", "DATABASE_HOST is empty, the profile states other"),
        ("other", "", "DATABASE_HOST is other, the profile states empty"),
        ("one\ntwo", "other", r"DATABASE_HOST is one\ntwo, the profile states other"),
        ("x" * 9000, "other", f"DATABASE_HOST is {'x' * 120}... (9000 characters), the profile states other"),
        ("postgres://u:hunter2secret@db/x", "other", "DATABASE_HOST is (hidden), the profile states other"),
    ],
)
def test_values_in_messages_fit_a_line_and_are_never_secrets(project, cli, written, stated, message) -> None:
    with edited(project / OVERLAY / "kustomization.yaml") as data:
        data["configMapGenerator"][0]["literals"][-1] = f"DATABASE_HOST={written}"
    with edited(project / "profiles/production.yaml") as profile:
        profile["spec"]["services"]["api"]["config"]["DATABASE_HOST"] = stated
    told = cli("check", "production").out
    assert f"error[D003] {message}\n" in told
    what, out, wanted = message.replace(" is ", "|").replace(", the profile states ", "|").split("|")
    assert f"aegisx-api-config.{what}: {out} -> {wanted}\n" in told
    assert "hunter2" not in told


def test_a_config_map_that_is_nowhere_is_said_in_plain_words(project, cli, kustomize) -> None:
    replace(project / "base/api/kustomization.yaml", "  - configmap.yaml\n", "")
    told = cli("check", "production").out
    assert (
        "does not compose: no ConfigMap aegisx-api-config is there to merge with: add it to the base, or write "
        "behavior: create\n"
    ) in told


def test_lines_to_write_by_hand_say_what_has_to_go(project, cli) -> None:
    replace(project / OVERLAY / "kustomization.yaml", "newTag: production", "newTag: &tag production")
    replace(project / "profiles/production.yaml", "image: {tag: production}", f"image: {{digest: {DIGEST}}}")
    told = cli("render", "production")
    assert told.code == 2
    assert f'images.0.digest: "{DIGEST}"\n      images.0.newTag: (remove it)\n' in told.err


def test_a_digest_and_back_leaves_the_same_bytes(project, cli) -> None:
    file, profile = project / OVERLAY / "kustomization.yaml", project / "profiles/production.yaml"
    before = file.read_bytes()
    for old, new in (("tag: production", f"digest: {DIGEST}"), (f"digest: {DIGEST}", "tag: production")):
        replace(profile, old, new)
        assert cli("render", "production").code == 0
    assert file.read_bytes() == before


def test_a_mirrored_image_whose_tag_is_the_files_is_said_to_be(project, cli) -> None:
    file = project / OVERLAY / "kustomization.yaml"
    replace(file, "newTag: production", "newName: mirror.example.com/api\n    newTag: v5")
    replace(project / "profiles/production.yaml", "  image: {tag: production}\n", "")
    told = cli("render", "production").out
    assert "images[mirror.example.com/api].newTag: v5 (the file's: the profile says nothing of it)\n" in told


def test_a_diff_of_render_shows_no_secret_either(project, cli) -> None:
    file = project / OVERLAY / "kustomization.yaml"
    replace(file, "DATABASE_HOST=production-aegisx-postgres", "DATABASE_HOST=postgres://u:hunter2secret@db/x")
    told = cli("render", "production", "--diff")
    assert told.code == 1
    assert "kustomization.yaml differs, and is not shown: it holds a secret" in told.out
    assert "hunter2" not in told.out


def test_a_digest_beside_a_tag_is_reported_where_it_stands(project, cli, kustomize) -> None:
    file = project / OVERLAY / "kustomization.yaml"
    replace(file, "newTag: production", f"newTag: production\n    digest: {DIGEST}")
    place = f"{OVERLAY}/kustomization.yaml:{file.read_text().splitlines().index('    newTag: production') + 1}:5"
    told = cli("check", "production").out
    for container_name in ("api", "migration"):
        what = f"the image of container {container_name} is {IMAGE}:production@{DIGEST}"
        assert f"{place}: error[D003] {what}, the profile states {IMAGE}:production\n" in told


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        (f"- digest: {DIGEST}\n    name: {IMAGE}\n    newTag: v1", f"- name: {IMAGE}\n    newTag: production"),
        (f"- {{name: {IMAGE}, digest: '{DIGEST}', newTag: v1}}", f"- {{name: {IMAGE}, newTag: production}}"),
        (f"- {{name: {IMAGE}, newTag: v1, digest: '{DIGEST}' }}", f"- {{name: {IMAGE}, newTag: production }}"),
    ],
)
def test_a_digest_beside_a_tag_goes_wherever_it_stands(project, cli, kustomize, entry: str, left: str) -> None:
    file = project / OVERLAY / "kustomization.yaml"
    before = file.read_text()
    replace(file, f"- name: {IMAGE}\n    newTag: production", entry)
    assert cli("render", "production").code == 0
    assert file.read_text() == before.replace(f"- name: {IMAGE}\n    newTag: production", left)
    assert cli("check", "production").code == 0
