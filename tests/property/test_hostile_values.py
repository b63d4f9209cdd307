"""Whatever a valid profile says, the rendered YAML says exactly that to everyone who reads it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from tests.templates import bundled_templates

from aegisgen.profile.model import Profile, Project
from aegisgen.profile.reading import convert
from aegisgen.profile.resolve import resolve
from aegisgen.profile.sources import ProfileSource, ProjectSource
from aegisgen.render.files import Overlay, render, runner
from aegisgen.render.kustomization import wire
from aegisgen.render.scalars import to_yaml
from aegisgen.yaml.source import Document, parse, parse_one

HOSTILE = (
    "", " ", "yes", "No", "on", "y", "null", "~", "0123", "0o17", "1e3", "1_000", "0x1F", ".5", ".inf", "-", "- a", "? b", "a: b", "a:", ": ",
    "#x", "a #b", "*a", "&a", "!t", "|", ">", "%", "@", "`", "'", '"', "''", '"a"', "'a'", "{{ x }}", "{% if %}", "{# x #}", "$(HOME)", "$$", "`id`",
    "\\", "\\n", "a\nb", "\n", "\t", "a\tb", "\r\n", "---", "...", "[a", "{a", "a, b", "é", "日本語", "😀", "\u2028", "\ufeff", "\u00a0", "<<", "=",
    "2026-01-01", "1:30", "true", "True ", " x", "x ", "x\n\n", "  x\n y",
)  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(
        st.characters(exclude_categories=("Cs",), exclude_characters="\ufffe\uffff", min_codepoint=32).filter(
            lambda c: not "\x7f" <= c <= "\x9f"
        )
        | st.sampled_from("\n\t\r"),
        max_size=40,
    ),
)
TEMPLATES = bundled_templates()
DATABASE = ("DATABASE_HOST", "DATABASE_PORT", "DATABASE_USER", "DATABASE_NAME")


def overlay(
    strategy: str, config: dict[str, str], env: dict[str, str], annotations: dict[str, str], steps: dict | None = None
) -> Overlay:
    project = {
        "apiVersion": "aegisgen.dev/v1",
        "kind": "Project",
        "services": {"api": {"workload": {"name": "app", "container": "main"}, "image": "example.com/app"}},
    }
    spec = {
        "namespace": "test",
        "strategy": strategy,
        "image": {"tag": "v1"},
        "config": config,
        "migrations": {"env": env},
        **(steps or {}),
    }
    if strategy == "presync-job":
        spec["job"] = {"annotations": annotations}
    profile = {
        "apiVersion": "aegisgen.dev/v1",
        "kind": "EnvironmentProfile",
        "metadata": {"name": "test"},
        "spec": spec,
    }
    documents = [parse_one(yaml.safe_dump(data, default_style='"').encode(), "x.yaml") for data in (project, profile)]
    (target,) = resolve(
        ProjectSource(Path(), documents[0], convert(documents[0], Project)),
        ProfileSource("test", "profiles/test.yaml", documents[1], convert(documents[1], Profile)),
    )
    return render(target, TEMPLATES)


def container(manifest: dict) -> dict:
    pod = manifest["spec"]["template"]["spec"]
    return (pod.get("initContainers") or pod["containers"])[0]


def literal_env(manifest: dict) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container(manifest)["env"] if "value" in item}


# what a profile refuses, because Kustomize cannot merge it
MERGEABLE = TEXT.filter(lambda text: not (text.startswith("\t") and "\n" in text))
VALUES = st.fixed_dictionaries(dict.fromkeys(DATABASE, MERGEABLE), optional={"LOG_LEVEL": MERGEABLE, "yes": MERGEABLE})
ENV = st.dictionaries(st.sampled_from(["NODE_ENV", "no", "_", "X1", "null"]), TEXT)
ANNOTATIONS = st.dictionaries(st.sampled_from(["example.com/a", "yes", "1.5", "x"]), TEXT, min_size=1)


@given(config=VALUES, env=ENV, annotations=ANNOTATIONS)
def test_pyyaml_reads_back_what_the_profile_says(config, env, annotations) -> None:
    files = overlay("presync-job", config, env, annotations).files
    job = yaml.safe_load(files["migration-job.yaml"])
    assert literal_env(job) == env
    assert job["spec"]["template"]["metadata"]["annotations"] == annotations
    assert yaml.safe_load(files["migration-config.yaml"])["data"] == {key: config[key] for key in DATABASE}

    patch = yaml.safe_load(overlay("init-container", config, env, {}).files["deployment-patch.yaml"])
    assert literal_env(patch) == env


@pytest.mark.tools
@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(config=VALUES, env=ENV, annotations=ANNOTATIONS)
def test_kustomize_reads_back_what_the_profile_says(tmp_path_factory, kustomize, config, env, annotations) -> None:
    rendered = overlay("presync-job", config, env, annotations)
    root = tmp_path_factory.mktemp("tree")
    folder = root / rendered.directory
    component = runner(TEMPLATES)
    for directory, files in ((rendered.directory, rendered.files), (component.directory, component.files)):
        for name, text in files.items():
            (root / directory / name).parent.mkdir(parents=True, exist_ok=True)
            (root / directory / name).write_text(text, encoding="utf-8", newline="")
    text = wire(rendered.starter, "kustomization.yaml", rendered.wiring)
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8", newline="")
    base = root / "base/api"
    base.mkdir(parents=True)
    (base / "kustomization.yaml").write_text("resources: [config.yaml]\n")
    (base / "config.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-config}\n")

    done = subprocess.run([*kustomize, str(folder)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    composed = {}
    for document in parse(done.stdout.decode(), "composed"):
        assert isinstance(document, Document)
        composed[document.data["kind"], document.data["metadata"]["name"]] = document.data
    assert literal_env(composed["Job", "app-migration"]) == env
    assert composed["Job", "app-migration"]["spec"]["template"]["metadata"]["annotations"] == annotations
    assert composed["ConfigMap", "app-migration-config"]["data"] == {key: config[key] for key in DATABASE}
    assert composed["ConfigMap", "app-config"]["data"] == config


def kubelet_leaves(text: str) -> bool:
    return "$(" not in text and "$$" not in text


@given(sql=TEXT.filter(lambda text: text and kubelet_leaves(text)), env=ENV)
@example(sql="SELECT 'a: b' -- {{ x }}\n{% if %}", env={})
def test_what_steps_are_told_is_read_back_too(sql, env) -> None:
    check = {"name": "a", "sql": sql, "expect": {"equals": 1}}
    steps = {"checks": {"run": [check]}, "dryRun": {"env": env}, "database": {"postgres": {"version": 17}}}
    files = overlay("presync-job", dict.fromkeys(DATABASE, "x"), {}, {"x": "y"}, steps).files
    checks = yaml.safe_load(files["checks-job.yaml"])
    assert f"sql={sql}" in container(checks)["args"]
    pod = yaml.safe_load(files["dry-run-job.yaml"])["spec"]["template"]["spec"]
    told = {item["name"]: item["value"] for item in pod["containers"][0]["env"] if "value" in item}
    assert env.items() <= told.items()


@given(TEXT)
@example("a" * 5000)
def test_a_scalar_stands_on_one_line_and_means_itself(text: str) -> None:
    rendered = to_yaml(text)
    assert "\n" not in rendered
    assert yaml.safe_load(f"a: {rendered}\n") == {"a": text}
    if len(text) < 100:  # YAML 1.1 bounds a plain key
        assert yaml.safe_load(f"{rendered}: a\n") == {text: "a"}
    assert yaml.safe_load(f"[{rendered}, x]") == [text, "x"]


@given(
    st.recursive(
        TEXT | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
        max_leaves=8,
    )
)
def test_a_flow_collection_means_itself(value: object) -> None:
    assert yaml.safe_load(f"a: {to_yaml(value)}") == {"a": value}


@pytest.mark.parametrize("value", [object(), b"x", 1.5, {"a": object()}])
def test_an_object_that_is_no_yaml_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_yaml(value)
