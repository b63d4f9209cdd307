"""However the work on a tree is shared out, the report is the same, also where one part of it decides about another."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT, Cli
from tests.rule_examples import files_of
from tests.trees import executable, put

from aegisgen.proof import whole
from aegisgen.rules.table import RULES

JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  annotations: {{argocd.argoproj.io/hook: PreSync}}
spec:
  backoffLimit: 6
  activeDeadlineSeconds: 60
  template:
    spec:
      automountServiceAccountToken: false
      restartPolicy: Never
      containers:
        - name: migrate
          image: example.com/app:1.0
          resources: {{requests: {{cpu: 1, memory: 1Gi}}, limits: {{memory: 1Gi}}}}
"""
LATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: late}\ndata: {A: b}\n"
NEEDS = "          envFrom: [{configMapRef: {name: late}}]\n"
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: {kind}
metadata: {{name: {name}, namespace: argocd}}
spec:
  project: default
  destination: {{server: https://kubernetes.default.svc, namespace: {namespace}}}
  source: {{repoURL: https://example.com/x.git, path: {path}, targetRevision: main}}
  syncPolicy: {{retry: {{limit: 5}}, syncOptions: [CreateNamespace=true]}}
"""


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A few files are many: every task is small, and hardly a directory fits into one."""
    for name, size in {"_MIN_SHARED": 0, "_FILES": 3, "_OVERLAYS": 1, "_SEARCHED": 5, "_LARGE": 3}.items():
        monkeypatch.setattr(whole, name, size)
    yield
    monkeypatch.undo()


def application(path: str, name: str = "a", namespace: str = "x", kind: str = "Application") -> str:
    return APPLICATION.format(path=path, name=name, namespace=namespace, kind=kind)


def found(cli: Cli, *arguments: str, compose: str = "--no-compose") -> list[tuple[str, str]]:
    outcome = cli("validate", compose, "--format", "json", *arguments)
    assert outcome.err == ""
    return [(each["path"], each["rule"]) for each in json.loads(outcome.out)["findings"]]


def trees(folder: Path) -> None:
    """Whatever the tests have: good and bad, broken and patched, each rule's examples apart and in one directory."""
    for name in ("guide", "public", "full"):
        shutil.copytree(ROOT / "tests" / "fixtures" / name, folder / name)
    for rule in RULES.values():
        for word, example in (("bad", rule.text.bad), ("good", rule.text.good)):
            put(folder / "examples" / f"{rule.id}-{word}", files_of(example))
            put(
                folder / "flat",
                {f"{rule.id}-{word}-{name.replace('/', '-')}": text for name, text in files_of(example).items()},
            )
    one_namespace = [path.read_text(encoding="utf-8") for path in sorted((folder / "examples").rglob("*.yaml"))]
    put(
        folder / "many",
        {f"{number:03}.yaml": text.replace("name: ", f"name: n{number}-") for number, text in enumerate(one_namespace)},
    )
    put(folder, {"deploys/flat.yaml": application("flat"), "deploys/many.yaml": application("many", namespace="y")})
    put(folder, {"ignored.yaml": "# aegisgen: ignore[H102] nothing here is a hook\n"})


@pytest.mark.parametrize("jobs", ["1", "3"])
@pytest.mark.parametrize("compose", ["--no-compose", pytest.param("--compose", marks=pytest.mark.tools)])
def test_the_parts_say_what_the_whole_says(
    cli: Cli, here: Path, request: pytest.FixtureRequest, jobs: str, compose: str
) -> None:
    trees(here)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "_MIN_SHARED", 10**9)
        at_once = cli("validate", compose, "--format", "json", "--jobs", jobs)
    request.getfixturevalue("in_parts")
    in_parts = cli("validate", compose, "--format", "json", "--jobs", jobs)

    assert len(json.loads(at_once.out)["findings"]) > 300
    assert "C602" in at_once.out
    assert in_parts == at_once


@pytest.mark.usefixtures("in_parts")
def test_a_directory_too_large_for_one_part_is_still_one_build(cli: Cli, here: Path) -> None:
    put(here / "d", {f"{number}.yaml": JOB.format(name=f"j{number}") for number in range(7)})
    put(here / "d", {"first.yaml": JOB.format(name="first") + NEEDS, "zlast.yaml": LATE})

    assert found(cli, "d", "--jobs", "2") == [("d/first.yaml", "O201")]


@pytest.mark.usefixtures("in_parts")
def test_a_large_directory_that_holds_an_object_twice_is_many_builds(cli: Cli, here: Path) -> None:
    put(here / "d", {f"{number}.yaml": JOB.format(name=f"j{number}") for number in range(7)})
    put(here / "d", {"first.yaml": JOB.format(name="first") + NEEDS, "zlast.yaml": LATE, "zz.yaml": LATE})

    assert found(cli, "d", "--jobs", "2") == []


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("kind", ["Application", '"Applica\\x74ion"', '"Applica\\\n  tion"'])
@pytest.mark.parametrize("jobs_there", [1, 8])
def test_an_application_elsewhere_is_found_however_it_is_spelt(
    cli: Cli, here: Path, kind: str, jobs_there: int, jobs: str
) -> None:
    put(here, {"a/b/c/app.yaml": application("some/where/deploy", kind=kind)})
    put(here / "deploy", {f"{number}.yaml": JOB.format(name=f"j{number}") for number in range(jobs_there)})

    many_attempts = {each for each in found(cli, "--jobs", jobs) if each[1] == "H108"}

    assert many_attempts == {("a/b/c/app.yaml", "H108")}


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_application_that_an_overlay_uses_is_what_the_overlay_makes_of_it(
    cli: Cli, here: Path, kustomize: tuple[str, ...], jobs: str
) -> None:
    """Far from its overlay, so that the one it deploys is judged first."""
    put(here, {"far/app.yaml": application("somewhere/else"), "deploy/kustomization.yaml": "resources: [job.yaml]\n"})
    put(here, {"deploy/job.yaml": JOB.format(name="j")})
    retarget = "resources: [../far]\npatches:\n  - target: {kind: Application}\n    patch: |-\n"
    retarget += "      - {op: replace, path: /spec/source/path, value: deploy}\n"
    put(here, {"far/kustomization.yaml": "resources: [app.yaml]\n", "zz/kustomization.yaml": retarget})

    uncomposed = found(cli, "--jobs", jobs)
    composed = found(cli, "--jobs", jobs, compose="--compose")

    assert "H108" not in {rule for _, rule in uncomposed}
    assert [path for path, rule in composed if rule == "H108"] == ["zz"]


@pytest.mark.usefixtures("in_parts")
def test_files_of_an_overlay_are_judged_with_it_and_checked_once(cli: Cli, here: Path) -> None:
    wrong = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: wrong\ndata:\n  A: 1\n"
    put(here, {"base/kustomization.yaml": "resources: [job.yaml, wrong.yaml]\n", "base/wrong.yaml": wrong})
    put(here, {"base/job.yaml": JOB.format(name="j").replace("  activeDeadlineSeconds: 60\n", "")})
    for name in ("one", "two"):
        put(here, {f"{name}/kustomization.yaml": "resources: [../base]\n"})

    outcome = cli("validate", "--no-compose", "--format", "json", "--jobs", "2")

    found_there = json.loads(outcome.out)
    assert [(each["path"], each["rule"]) for each in found_there["findings"]] == [
        ("base/job.yaml", "H105"),
        ("base/wrong.yaml", "V002"),
    ]
    assert found_there["summary"]["checked"] == 5


@pytest.mark.usefixtures("in_parts")
def test_what_an_overlay_uses_and_nobody_asked_about_is_not_checked(cli: Cli, here: Path) -> None:
    put(here, {"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": "just words\n"})
    put(here, {"overlay/kustomization.yaml": "resources: [../base]\n"})

    assert found(cli, "overlay", "--jobs", "2") == []
    assert found(cli, "overlay", "base", "--jobs", "2") == [("base/a.yaml", "V004")]


@pytest.mark.usefixtures("in_parts")
def test_ignores_of_many_parts_are_used_or_not_in_all_of_them(cli: Cli, here: Path) -> None:
    no_deadline = JOB.replace("  activeDeadlineSeconds: 60\n", "")
    ignored = no_deadline.replace("spec:\n  backoff", "spec: # aegisgen: ignore[H105] known\n  backoff")
    annotated = no_deadline.replace("hook: PreSync}}", "hook: PreSync, aegisgen.dev/ignore: H105 known}}")
    put(here / "d", {f"{number}.yaml": JOB.format(name=f"j{number}") for number in range(6)})
    put(here / "d", {"c.yaml": ignored.format(name="c"), "a.yaml": annotated.format(name="a")})
    put(here / "d", {"zz.yaml": JOB.format(name="zz") + "# aegisgen: ignore[H105] needless\n"})

    assert found(cli, "d", "--jobs", "2") == [("d/zz.yaml", "C602")]


@pytest.mark.usefixtures("in_parts")
def test_standard_input_stays_whole(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(here, {f"{number}.yaml": JOB.format(name=f"j{number}") for number in range(7)})
    put(here, {"late.yml": LATE})
    (here / "piped").write_text(f"# first\n{JOB.format(name='p')}{NEEDS}", encoding="utf-8")
    with (here / "piped").open(encoding="utf-8") as piped:
        monkeypatch.setattr("sys.stdin", piped)

        assert found(cli, "-", ".", "--jobs", "2") == [("<stdin>", "O201")]


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_kustomize_that_fails_in_another_process_is_reported_as_skipped(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch, jobs: str
) -> None:
    put(here, {f"o{number}/kustomization.yaml": "namePrefix: x-\n" for number in range(9)})
    executable(here / "bin/kustomize", "echo ': : :'")
    monkeypatch.setenv("PATH", str(here / "bin"), prepend=os.pathsep)

    outcome = cli("validate", "--no-cache", "--jobs", jobs)

    assert outcome.code == 0
    assert "skipped: composition: Kustomize printed YAML that cannot be read back" in outcome.out
    assert cli("validate", "--no-cache", "--require-tools", "--jobs", jobs).code == 2
