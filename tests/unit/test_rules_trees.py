"""The rules on whole trees: the guide's, in which every defect is found once, and good ones, in which none is."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegisgen.findings import Finding, Severity
from aegisgen.kube.compose import compose
from aegisgen.kube.overlay import read_overlay, used_files
from aegisgen.kube.resource import Resource, identify
from aegisgen.rules.builds import Build, Deployments, directory_contexts, overlay_context
from aegisgen.rules.check import check
from aegisgen.rules.neighbours import generated_beside
from aegisgen.yaml.source import Document, parse

FIXTURES = Path(__file__).parents[1] / "fixtures"
PUBLIC = sorted(path.name for path in (FIXTURES / "public").iterdir())

pytestmark = [
    pytest.mark.tools,
    pytest.mark.usefixtures("kustomize"),
]


def resources_of(documents: list[Document]) -> list[Resource]:
    """Take lists apart as the API server does, and leave out what is no object."""
    flat = []
    for document in documents:
        items = document.data.get("items") if isinstance(document.data, dict) else None
        flat += [Document(document.source, document.line, "", item) for item in items] if items else [document]
    return [resource for document in flat if isinstance(resource := identify(document), Resource)]


def findings_in(*overlays: str) -> list[Finding]:
    """Check everything below the working directory."""
    builds = []
    for directory in overlays:
        overlay = read_overlay(Path(directory))
        composed = resources_of(list(compose(Path(directory)).documents))
        builds.append(Build(overlay, tuple(composed), generated_beside(overlay)))
    documents = [
        document
        for file in sorted(Path().rglob("*.yaml"))
        if file.name != "kustomization.yaml"
        for document in parse(file.read_text(), file.as_posix())
        if isinstance(document, Document)
    ]
    used = {path for build in builds for path in used_files(build.overlay)}
    loose = [resource for resource in resources_of(documents) if resource.document.source not in used]
    deployments = Deployments(resource for resource in loose if resource.identity.kind == "Application")
    contexts = [overlay_context(build, deployments.of(build.overlay.directory)) for build in builds]
    contexts += directory_contexts(loose, deployments)
    return sorted({finding for each in contexts for finding in check(each)})


@pytest.fixture(scope="module")
def guide() -> list[Finding]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(FIXTURES / "guide")
        return findings_in("argocd/overlays/staging/api", "argocd/overlays/production/api")


PRODUCTION = "argocd/overlays/production/api"
STAGING = "argocd/overlays/staging/api"


@pytest.mark.parametrize(
    ("fact", "rule", "place"),
    [
        ("A5 the Job has no deadline", "H105", f"{PRODUCTION}/migration-job.yaml:12"),
        ("A7 the Job waits for the ConfigMap of the sync", "O201", f"{PRODUCTION}/migration-job.yaml:44"),
        ("A10 a new image under the tag starts no sync", "H111", f"{PRODUCTION}/kustomization.yaml:19"),
        ("A12 24 attempts", "H108", "argocd/apps/production-api.yaml:19"),
        ("K6 a stale image in production", "G302", f"{PRODUCTION}/kustomization.yaml:19"),
        ("K6 a stale image in staging", "G302", f"{STAGING}/kustomization.yaml:24"),
        ("K7 the Job has no pull secret", "G303", f"{PRODUCTION}/migration-job.yaml:19"),
        ("M1 three pods migrate at once", "G305", f"{STAGING}/kustomization.yaml:28"),
    ],
)
def test_a_defect_of_the_guide_is_found_once_with_its_line(
    guide: list[Finding], fact: str, rule: str, place: str
) -> None:
    environment = "staging" if "staging" in place else "production"

    found = [each for each in guide if each.rule == rule and environment in each.resource]

    assert [f"{each.path}:{each.line}" for each in found] == [place], fact


def test_nothing_else_in_the_guides_tree_is_worth_a_warning(guide: list[Finding]) -> None:
    rules = {finding.rule for finding in guide if finding.severity is not Severity.INFO}

    assert rules == {"H105", "H108", "H111", "O201", "G302", "G303", "G305"}


def test_there_are_at_least_ten_good_trees() -> None:
    assert len(PUBLIC) >= 10


@pytest.mark.parametrize("name", PUBLIC)
def test_a_good_tree_gets_no_warning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES / "public" / name)
    overlays = ["overlay"] if Path("overlay").is_dir() else []

    found = findings_in(*overlays)

    assert [finding for finding in found if finding.severity is not Severity.INFO] == []


def test_the_aegisx_tree_has_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES.parents[1] / "argocd")

    found = findings_in("overlays/staging/api", "overlays/production/api")

    assert [finding for finding in found if finding.severity is Severity.ERROR] == []
