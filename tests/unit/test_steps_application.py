"""Applications, their project, and the set that makes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import aegisgen, refusal
from tests.steps import rendered, say, say_of_project
from tests.trees import replace

REPOSITORY = 'repository: {url: "https://github.com/example/infra"}\n'
WINDOW = '{kind: deny, schedule: "0 17 * * 5", duration: 3d, manualSync: true}'


@pytest.fixture
def deployed(project: Path) -> Path:
    """A project whose two environments have an Application each."""
    say_of_project(project, REPOSITORY)
    say(project, "production", "  application: {targetRevision: main}\n")
    say(project, "staging", "  application: {targetRevision: main, automated: {prune: true}, createNamespace: true}\n")
    return project


def test_each_overlay_gets_an_application_that_points_to_it(deployed: Path) -> None:
    application = rendered("staging")["argocd/apps/staging-api.yaml"]
    assert application["metadata"]["name"] == "staging-aegisx-api"
    assert application["spec"]["source"]["path"] == "argocd/overlays/staging/api"
    assert application["spec"]["destination"]["namespace"] == "staging"
    policy = application["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": False}
    assert policy["syncOptions"] == ["CreateNamespace=true"]
    assert policy["retry"]["limit"] == 1, "unsaid, an automated sync is retried five times"


def test_an_application_that_a_person_syncs_has_no_automated_policy(deployed: Path) -> None:
    assert "automated" not in rendered("production")["argocd/apps/production-api.yaml"]["spec"]["syncPolicy"]


def test_the_project_allows_what_the_applications_need_and_no_more(deployed: Path) -> None:
    say_of_project(deployed, "argocd: {project: {name: aegisx}}\n")
    say(deployed, "production", f"  approval: {{syncWindows: [{WINDOW}]}}\n")
    documents = rendered("--all")
    spec = documents["argocd/apps/project.yaml"]["spec"]
    assert documents["argocd/apps/production-api.yaml"]["spec"]["project"] == "aegisx"
    assert spec["sourceRepos"] == ["https://github.com/example/infra"]
    assert {each["namespace"] for each in spec["destinations"]} == {"production", "staging"}
    assert spec["clusterResourceWhitelist"] == [{"group": "", "kind": "Namespace"}]
    (window,) = spec["syncWindows"]
    assert (window["applications"], window["duration"]) == (["production-aegisx-api"], "72h")


@pytest.mark.parametrize("generator", ["list", "git"])
def test_a_set_takes_the_place_of_the_applications(project: Path, generator: str) -> None:
    say_of_project(project, REPOSITORY + f"argocd: {{applicationSet: {{name: all, generator: {generator}}}}}\n")
    for environment in ("production", "staging"):
        say(project, environment, "  application: {}\n")
    documents = {path: document for path, document in rendered("--all").items() if "/apps/" in path}
    (found,) = documents.values()
    assert (found["kind"], list(found["spec"]["generators"][0])) == ("ApplicationSet", [generator])
    assert aegisgen("render", "--all").code == 0
    assert "error" not in aegisgen("check", "--all", "--no-compose").out


def test_a_git_generator_cannot_tell_policies_apart(deployed: Path) -> None:
    say_of_project(deployed, "argocd: {applicationSet: {name: all, generator: git}}\n")
    assert "argocd.applicationSet.generator: git knows of api in staging the folder only" in refusal("render", "--all")


def test_applications_are_clean_and_go_with_what_asked_for_them(deployed: Path) -> None:
    say_of_project(deployed, "argocd: {project: {name: aegisx}}\n")
    assert aegisgen("render", "--all").code == 0
    assert "error" not in aegisgen("check", "--all", "--no-compose").out
    for environment in ("production", "staging"):
        file = deployed / f"profiles/{environment}.yaml"
        file.write_text(
            "".join(line for line in file.read_text().splitlines(keepends=True) if "application:" not in line)
        )
    narrow = aegisgen("render", "staging")
    assert "removed   argocd/apps/staging-api.yaml" in narrow.out
    assert (deployed / "apps/production-api.yaml").exists(), "another environment's is out of scope"
    assert aegisgen("render", "--all").code == 0
    assert not (deployed / "apps").exists()


def test_two_applications_of_one_name_are_refused(deployed: Path) -> None:
    for environment in ("production", "staging"):
        replace(deployed / f"profiles/{environment}.yaml", "application: {", "application: {name: same, ")
    assert "same is that of api in production as well" in refusal("render", "--all")


ROLLOUT = "[{environments: [staging]}, {environments: [production], maxUpdate: 10%}]"


@pytest.fixture
def rolled_out(project: Path):
    """Render the set of both environments with a rollout."""

    def render(rollout: str, generator: str = "git") -> None:
        application_set = f"{{name: all, generator: {generator}, rollout: {rollout}}}"
        say_of_project(project, REPOSITORY + f"argocd: {{applicationSet: {application_set}}}\n")
        for environment in ("production", "staging"):
            say(project, environment, "  application: {}\n")

    return render


@pytest.mark.parametrize("generator", ["list", "git"])
def test_a_rollout_goes_by_a_label_that_each_application_has(rolled_out, generator: str) -> None:
    rolled_out(ROLLOUT, generator)
    spec = rendered("--all")["argocd/apps/applicationset.yaml"]["spec"]
    steps = spec["strategy"]["rollingSync"]["steps"]
    assert spec["strategy"]["type"] == "RollingSync"
    assert [(step["matchExpressions"][0]["values"], step["maxUpdate"]) for step in steps] == [
        (["staging"], "100%"),
        (["production"], "10%"),
    ]
    (key,) = {step["matchExpressions"][0]["key"] for step in steps}
    label = spec["template"]["metadata"]["labels"][key]
    if generator == "list":
        assert label == "{{ .environment }}"
        assert [each["environment"] for each in spec["generators"][0]["list"]["elements"]] == ["production", "staging"]
    else:
        assert label == "{{ index .path.segments 2 }}", "argocd/overlays/<environment>/<service>"
    assert aegisgen("render", "--all").code == 0
    assert "error" not in aegisgen("check", "--all", "--no-compose").out


def test_a_step_of_none_at_a_time_is_left_to_people(rolled_out) -> None:
    rolled_out("[{environments: [staging]}, {environments: [production], maxUpdate: 0}]")
    spec = rendered("--all")["argocd/apps/applicationset.yaml"]["spec"]
    assert [step["maxUpdate"] for step in spec["strategy"]["rollingSync"]["steps"]] == ["100%", 0]


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        ("[{environments: [staging]}]", "no step names production, and Argo CD would never sync it"),
        (f"[*{ROLLOUT[1:-1]}]".replace("*", "{environments: [staging]}, "), "staging is in more than one step"),
        (
            ROLLOUT.replace("[production]", "[production, preview]"),
            "preview has no Application, expected one of production",
        ),
        (ROLLOUT.replace("10%", "110%"), "expected a whole number or a share such as 10%"),
        (ROLLOUT.replace("10%", "-1"), "expected a whole number, 0 or more"),
        ("[{environments: []}]", "expected at least one environment"),
    ],
)
def test_a_rollout_that_leaves_something_out_is_refused(rolled_out, rollout: str, expected: str) -> None:
    rolled_out(rollout)
    outcome = aegisgen("render", "--all")
    assert (outcome.code, expected in outcome.err) == (2, True), outcome.err
