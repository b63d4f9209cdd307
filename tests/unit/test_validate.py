"""`aegisgen validate` on whatever lies in a folder: a finding, never a traceback, and the rest still checked."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from tests.conftest import Cli
from tests.rule_examples import files_of
from tests.tools import need
from tests.trees import put

from aegisgen.rules.table import RULES

GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: good\ndata:\n  A: b\n"
WRONG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: wrong\ndata:\n  A: 1\n"
# What proves that a file beside a strange one was checked.
WITNESS = ("witness.yaml", 6, 3, "V002")


def found(cli: Cli, *arguments: str) -> list[tuple[str, int, int, str]]:
    """Validate, and return where which rule was broken; the exit code has to go with it."""
    outcome = cli("validate", "--no-compose", "--format", "json", *arguments)
    findings = json.loads(outcome.out)["findings"]
    assert outcome.code == any(finding["severity"] == "error" for finding in findings)
    assert outcome.err == ""
    return [(each["path"], each["line"], each["column"], each["rule"]) for each in findings]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.yaml", "just words\n", [("a.yaml", 1, 1, "V004")]),
        ("a.yaml", "- a\n- b\n", [("a.yaml", 1, 1, "V004")]),
        ("a.yaml", "apiVersion: 1\nkind: ConfigMap\n", [("a.yaml", 1, 1, "V004")]),
        ("a.yaml", "apiVersion: v1\n", [("a.yaml", 1, 1, "V004")]),
        ("a.yaml", "", []),
        ("a.yaml", "# nothing\n---\n", []),
        ("a.yml", WRONG, [("a.yml", 6, 3, "V002")]),
        ("a.txt", WRONG, []),
        ("a.json", json.dumps({"apiVersion": "v1", "kind": "Pod", "x": 1}, indent=1), [("a.json", 4, 2, "V002")]),
        ("a.json", '{"apiVersion": ]\n', [("a.json", 1, 16, "V001")]),
        ("a.yaml", f"{GOOD}---\na: [\n---\n{WRONG}", [("a.yaml", 9, 1, "V001"), ("a.yaml", 15, 3, "V002")]),
        ("a.yaml", GOOD + "  A: c\n", [("a.yaml", 7, 3, "V001")]),
        ("deployment.yaml", "apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\n", [("deployment.yaml", 1, 1, "V003")]),
    ],
)  # fmt: skip
def test_what_a_file_holds_is_judged_and_its_neighbour_too(
    cli: Cli, here: Path, name: str, content: str, expected: list[tuple[str, int, int, str]]
) -> None:
    put(here, {name: content, "witness.yaml": WRONG})

    assert found(cli) == [*expected, WITNESS]


def test_items_of_a_list_are_objects_with_places_of_their_own(cli: Cli, here: Path) -> None:
    items = "".join(f"  - {text}".replace("\n", "\n    ").rstrip() + "\n" for text in (GOOD, WRONG))
    put(here, {"list.yaml": f"apiVersion: v1\nkind: List\nitems:\n{items}"})

    assert found(cli) == [("list.yaml", 15, 7, "V002")]


def test_a_wrong_group_is_an_error_that_names_the_right_one(cli: Cli, here: Path) -> None:
    put(here, {"a.yaml": "apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\n"})

    outcome = cli("validate", "--no-compose")

    assert outcome.code == 1
    assert "Kubernetes 1.34 has no Deployment of v1, but of apps/v1" in outcome.out


@pytest.mark.parametrize(
    ("api_version", "severity"),
    [("serving.knative.dev/v1", "warning"), ("extensions/v1beta1", "error"), ("networking.k8s.io/v1", "error")],
)
def test_a_custom_kind_of_the_same_name_is_no_mistake(cli: Cli, here: Path, api_version: str, severity: str) -> None:
    put(here, {"a.yaml": f"apiVersion: {api_version}\nkind: Service\nmetadata: {{name: x}}\n"})

    (finding,) = json.loads(cli("validate", "--no-compose", "--format", "json").out)["findings"]

    assert (finding["rule"], finding["severity"]) == ("V003", severity)


def test_strict_makes_a_kind_without_a_schema_an_error(cli: Cli, here: Path) -> None:
    put(here, {"a.yaml": "apiVersion: example.dev/v1\nkind: Widget\nmetadata: {name: x}\n"})

    assert cli("validate").code == 0
    assert cli("validate", "--strict").code == 1


def test_the_kubernetes_version_decides_what_is_known(cli: Cli, here: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  resources: {}\n  containers: [{name: a, image: a:1}]\n"
    put(here, {"a.yaml": pod})

    old = found(cli, "--kubernetes-version", "1.30")
    new = found(cli, "--kubernetes-version", "1.37")
    unknown = cli("validate", "--kubernetes-version", "1.2")

    assert ("a.yaml", 5, 3, "V002") in old
    assert ("a.yaml", 5, 3, "V002") not in new
    assert unknown.code == 2
    assert "no schemas for Kubernetes 1.2; there are 1.30" in unknown.err


def test_a_file_of_50_mb_is_a_finding_and_is_not_read(cli: Cli, here: Path) -> None:
    put(here, {"witness.yaml": WRONG})
    with (here / "large.yaml").open("wb") as large:
        large.truncate(50_000_000)

    assert found(cli) == [("large.yaml", 0, 0, "V001"), WITNESS]
    assert "50 MB, expected at most 8 MB" in cli("validate").out


def test_links_in_a_circle_come_to_an_end(cli: Cli, here: Path) -> None:
    put(here, {"witness.yaml": WRONG, "a/b/x.yaml": GOOD})
    (here / "a" / "b" / "up").symlink_to(here, target_is_directory=True)
    (here / "self").symlink_to("self")
    (here / "self.yaml").symlink_to("self.yaml")

    assert found(cli) == [("self.yaml", 0, 0, "V001"), WITNESS]


def test_what_only_looks_like_a_file_is_a_finding(cli: Cli, here: Path) -> None:
    put(here, {"witness.yaml": WRONG, "folder.yaml/inside.yaml": WRONG})
    (here / "dangling.yaml").symlink_to("nowhere")
    os.mkfifo(here / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.yaml")

        assert found(cli) == [
            ("dangling.yaml", 0, 0, "V001"),
            ("folder.yaml/inside.yaml", 6, 3, "V002"),
            ("pipe.yaml", 0, 0, "V001"),
            ("socket.yaml", 0, 0, "V001"),
            WITNESS,
        ]
        assert found(cli, "pipe.yaml") == [("pipe.yaml", 0, 0, "V001")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_finding(cli: Cli, here: Path) -> None:
    put(here, {"closed.yaml": GOOD, "witness.yaml": WRONG})
    (here / "closed.yaml").chmod(0)

    assert found(cli) == [("closed.yaml", 0, 0, "V001"), WITNESS]


@pytest.mark.parametrize("raw", [b"\x7fELF\x00\x01\x02", b"\xff\xfea\x00", b"a: caf\xe9\n"])
def test_a_binary_file_is_a_finding(cli: Cli, here: Path, raw: bytes) -> None:
    put(here, {"witness.yaml": WRONG})
    (here / "a.yaml").write_bytes(raw)

    assert [each[0::3] for each in found(cli)] == [("a.yaml", "V001"), ("witness.yaml", "V002")]


def test_standard_input_is_a_file_without_a_name(
    cli: Cli, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "piped").write_text(WRONG, encoding="utf-8")
    with (tmp_path / "piped").open(encoding="utf-8") as piped:
        monkeypatch.setattr("sys.stdin", piped)

        assert found(cli, "-") == [("<stdin>", 6, 3, "V002")]


def test_a_file_named_twice_is_read_once(cli: Cli, here: Path) -> None:
    put(here, {"sub/witness.yaml": WRONG})
    (here / "alias.yaml").symlink_to("sub/witness.yaml")

    outcome = cli("validate", "--no-compose", "--format", "json", "sub", "sub/witness.yaml", "./sub", ".")

    assert json.loads(outcome.out)["summary"] == {"checked": 1, "errors": 1, "warnings": 0, "infos": 0}


def test_a_path_that_does_not_exist_is_wrong_usage(cli: Cli, here: Path) -> None:
    outcome = cli("validate", "nowhere")

    assert (outcome.code, outcome.err) == (2, "nowhere: no such file or directory\n")


def test_patches_are_held_to_what_patches_may_hold(cli: Cli, here: Path) -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  replica: 1\n"
    put(
        here,
        {
            "overlay/kustomization.yaml": "patches:\n  - path: patches/api.yaml\n  - {path: op.yaml, target: {kind: Deployment}}\n",
            "overlay/patches/api.yaml": patch,
            "overlay/op.yaml": "- op: ad\n  path: /a\n- op: remove\n",
        },
    )

    assert [each for each in found(cli) if each[3] == "V002"] == [
        ("overlay/op.yaml", 1, 3, "V002"),
        ("overlay/op.yaml", 3, 3, "V002"),
        ("overlay/patches/api.yaml", 5, 3, "V002"),
    ]


def test_helm_templates_are_not_yaml_yet_and_projects_are_their_own(cli: Cli, here: Path) -> None:
    put(
        here,
        {
            "chart/Chart.yaml": "apiVersion: v2\nkind: x\nname: c\n",
            "chart/templates/a.yaml": "{{ if .x }}\n",
            "other/templates/witness.yaml": WRONG,
            "profiles/x.yaml": "apiVersion: aegisgen.dev/v1\nkind: EnvironmentProfile\nmetadata: {nam: x}\n",
        },
    )

    paths = [(path, rule) for path, _, _, rule in found(cli) if not path.startswith("chart/Chart")]

    assert paths == sorted(paths)
    assert {path for path, _ in paths} == {"other/templates/witness.yaml", "profiles/x.yaml"}


@pytest.mark.tools
def test_a_base_is_composed_with_its_overlay_and_a_component_never_alone(
    cli: Cli, here: Path, kustomize: tuple[str, ...]
) -> None:
    put(
        here,
        {
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "base/a.yaml": WRONG,
            "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: p-\n",
            "overlay/kustomization.yaml": "resources: [../base]\ncomponents: [../part]\n",
        },
    )

    outcome = cli("validate", "--format", "json")

    assert [(each["path"], each["rule"]) for each in json.loads(outcome.out)["findings"]] == [("base/a.yaml", "V002")]


@pytest.mark.tools
def test_a_patch_that_stops_kustomize_is_reported_once(cli: Cli, here: Path, kustomize: tuple[str, ...]) -> None:
    patch = "patches:\n  - patch: |-\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: gone}\n"
    put(here, {"o/kustomization.yaml": f"resources: [a.yaml]\n{patch}", "o/a.yaml": GOOD})

    findings = json.loads(cli("validate", "--format", "json").out)["findings"]

    assert [(each["path"], each["line"], each["rule"]) for each in findings] == [("o/kustomization.yaml", 3, "G306")]


@pytest.mark.tools
def test_both_engines_find_the_same(cli: Cli, here: Path) -> None:
    need("kubeconform")
    put(here, {"a.yaml": f"{GOOD}---\n{WRONG}---\nkind: [\n---\napiVersion: v1\nkind: Deployment\n", "b.yaml": WRONG})

    assert found(cli, "--engine", "kubeconform") == found(cli) != []


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.id[0] == "V"], ids=lambda rule: rule.id)
def test_the_examples_of_what_is_found_before_the_rules(cli: Cli, here: Path, rule) -> None:
    compose = "--no-compose"
    if rule.id == "V006":
        compose = "--compose"
    for example, expected in ((rule.text.bad, {rule.id}), (rule.text.good, set())):
        shutil.rmtree(here / "example", ignore_errors=True)
        put(here / "example", files_of(example))

        findings = json.loads(cli("validate", compose, "--format", "json", "example").out)["findings"]

        assert {finding["rule"] for finding in findings} == expected, findings


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github"])
def test_no_report_shows_a_secret(cli: Cli, here: Path, form: str) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  DB_PASSWORD: hunter2-in-plain\n"
    secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  PIN: 735519\n"
    put(here, {"c.yaml": config, "s.yaml": secret})

    outcome = cli("validate", "--no-compose", "--format", form)

    assert "S401" in outcome.out
    assert "V002" in outcome.out
    assert "hunter2" not in outcome.out
    assert "735519" not in outcome.out


def test_a_baseline_keeps_known_findings_away_and_no_new_ones(cli: Cli, project: Path) -> None:
    file = project / "aegisgen.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\nrules:\n  baseline: known.json\n", encoding="utf-8")
    put(project, {"extra/a.yaml": WRONG})

    kept = cli("validate", "--no-compose", "--write-baseline", "argocd/known.json", "argocd/extra")
    known = cli("validate", "--no-compose", "argocd/extra")
    put(project, {"extra/a.yaml": "# moved\n" + WRONG, "extra/b.yaml": WRONG.replace("wrong", "new")})
    new = found(cli, "argocd/extra")

    assert (kept.code, kept.out, kept.err) == (0, "", "1 finding written to argocd/known.json\n")
    assert known.code == 0
    assert new == [("argocd/extra/b.yaml", 6, 3, "V002")]


def test_check_writes_the_baseline_that_the_project_names_without_drift(cli: Cli, project: Path) -> None:
    refused = cli("check", "--no-compose", "--write-baseline")
    file = project / "aegisgen.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\nrules:\n  baseline: known.json\n", encoding="utf-8")
    generated = next((project / "overlays").rglob("deployment-patch.yaml"))
    generated.write_text(generated.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")

    kept = cli("check", "--no-compose", "--write-baseline")
    after = cli("check", "--no-compose", "--format", "json")

    assert refused.code == 2
    assert "names no baseline" in refused.err
    assert kept.code == 0
    assert {finding["rule"] for finding in json.loads(after.out)["findings"]} == {"D001"}


def test_the_diff_of_drift_does_not_show_a_secret(cli: Cli, project: Path) -> None:
    generated = next((project / "overlays").rglob("deployment-patch.yaml"))
    secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {PIN: hunter2}\n"
    generated.write_text(generated.read_text(encoding="utf-8") + secret, encoding="utf-8")

    outcome = cli("check", "--no-compose")

    assert outcome.code == 1
    assert "deployment-patch.yaml differs, and is not shown: it holds a secret" in outcome.out
    assert "hunter2" not in outcome.out


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: %s\n"


@pytest.mark.parametrize("word", ["y", "N", "on", "yes", "0O17", "1e3_0"])
def test_a_word_that_is_no_string_to_kubectl_is_none_in_a_plain_manifest(tmp_path, monkeypatch, cli, word) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG % word)
    outcome = cli("validate", "--no-compose", "config.yaml")
    assert outcome.code == 1
    kind = "boolean" if word.isalpha() else "number"
    assert f"config.yaml:5:3: error[V002] data.a: expected a string, got a {kind}" in outcome.out
    (tmp_path / "config.yaml").write_text(CONFIG % f"'{word}'")
    assert cli("validate", "--no-compose", "config.yaml").code == 0


@pytest.mark.parametrize(
    ("word", "code"), [("y", 0), ("N", 0), ("on", 0), ("yes", 0), ("true", 1), ("0O17", 1), ("1e3_0", 1)]
)
def test_what_kustomize_quotes_is_a_string(tmp_path, monkeypatch, cli, word, code) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "base/kustomization.yaml").write_text("resources: [config.yaml]\n")
    (tmp_path / "base/config.yaml").write_text(CONFIG % word)
    assert [cli("validate", "--no-compose", path).code for path in (".", "base/config.yaml")] == [code, code]


def test_a_key_that_is_no_string_to_kubectl_is_shown_as_what_it_is(tmp_path, monkeypatch, cli) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\non: {}\n")
    assert "config.yaml:4:1: error[V002] true: unknown field" in cli("validate", "--no-compose", "config.yaml").out


@pytest.mark.parametrize("kind", ["{a: b}", "[Project]", "null", "1", "Projekt"])
def test_a_kind_of_aegisgen_that_is_none_hides_no_other_finding(tmp_path, monkeypatch, cli, kind) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(f"apiVersion: aegisgen.dev/v1\nkind: {kind}\n")
    (tmp_path / "b.yaml").write_text(CONFIG % "1")
    outcome = cli("validate", "--no-compose", ".")
    assert "a.yaml:2:1: error[V002] kind: expected Project or Services or EnvironmentProfile" in outcome.out
    assert "b.yaml:5:3: error[V002]" in outcome.out
