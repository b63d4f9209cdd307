"""A project of many files: what is included, what holds for all, and everything that can be wrong with it."""

from __future__ import annotations

import pytest
import yaml
from tests.conftest import refusal
from tests.trees import edited, replace

PROJECT = "argocd/aegisgen.yaml"


def service(name: str, **more: object) -> dict[str, object]:
    workload = {"name": name, "container": "app"}
    return {"workload": workload, "image": f"registry.example.com/{name}", "migrations": {"tool": "knex"}, **more}


def put(file, **content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def services(file, names: list[str], **more: object) -> None:
    entries = {name: service(name) for name in names}
    put(file, apiVersion="aegisgen.dev/v1", kind="Services", **more, services=entries)


@pytest.fixture
def fleet(project):
    """The AegisX project with two included files, in which no environment differs for its services."""
    replace(project / "aegisgen.yaml", "\nservices:", "\ninclude: [services/*.yaml]\n\nservices:")
    services(project / "services/pay.yaml", ["pay-in", "pay-out"])
    services(project / "services/order.yaml", ["order"])
    for environment in ("staging", "production"):
        profile = project / f"profiles/{environment}.yaml"
        with edited(profile) as data:
            known = {"HOST": "db", "PORT": "5432", "USER": "u", "NAME": "n"}
            data["spec"]["config"] = {f"DATABASE_{name}": value for name, value in known.items()}
    return project


def test_included_services_are_rendered_and_checked_as_the_others(fleet, cli) -> None:
    assert cli("render", "--all").code == 0
    for environment in ("staging", "production"):
        rendered = sorted(folder.name for folder in (fleet / "overlays" / environment).iterdir())
        assert rendered == ["api", "order", "pay-in", "pay-out"]
    patch = fleet / "overlays/staging/order/deployment-patch.yaml"
    replace(patch, "Always", "Never")
    outcome = cli("check", "--no-compose", "--service", "order")
    assert "argocd/overlays/staging/order/deployment-patch.yaml: error[D001]" in outcome.out


def test_a_project_may_describe_all_of_its_services_elsewhere(fleet, cli) -> None:
    put(fleet / "aegisgen.yaml", apiVersion="aegisgen.dev/v1", kind="Project", include=["services/pay.yaml"])
    for environment in ("staging", "production"):
        with edited(fleet / f"profiles/{environment}.yaml") as data:
            del data["spec"]["services"]
    assert cli("render", "--all", "--stdout").out.count("# Source: argocd/overlays/staging/") == 2


def test_each_layer_stands_above_the_one_before(fleet, cli) -> None:
    """The project's defaults, the file's, the service, the environment, the environment's service."""
    with edited(fleet / "aegisgen.yaml") as data:
        data["defaults"] = {
            "migrations": {"env": {"A": "project", "B": "project", "C": "project", "D": "project", "E": "project"}}
        }
    with edited(fleet / "services/order.yaml") as data:
        data["defaults"] = {"migrations": {"env": dict.fromkeys("BCDE", "file")}}
        data["services"]["order"]["migrations"]["env"] = dict.fromkeys("CDE", "service")
    with edited(fleet / "profiles/staging.yaml") as data:
        data["spec"]["migrations"] = {"env": dict.fromkeys("DE", "environment")}
        data["spec"]["services"]["order"] = {"migrations": {"env": {"E": "both"}}}

    rendered = cli("render", "staging", "--stdout", "--service", "order").out

    for key, value in zip("ABCDE", ("project", "file", "service", "environment", "both"), strict=True):
        assert f"name: {key}\n              value: {value}\n" in rendered
    assert "name: A\n              value: project\n" in cli("render", "staging", "--stdout", "--service", "pay-in").out
    assert "name: B\n              value: project\n" in cli("render", "staging", "--stdout", "--service", "pay-in").out


def test_defaults_may_describe_both_strategies(fleet, cli) -> None:
    with edited(fleet / "aegisgen.yaml") as data:
        data["defaults"] = {"job": {"annotations": {"team": "a"}}, "initContainer": {"name": "migrate-first"}}
    rendered = cli("render", "--all", "--stdout").out
    assert rendered.count("team: a\n") == 4
    assert rendered.count("- name: migrate-first") == 4


@pytest.mark.parametrize(
    ("include", "column", "expected"),
    [
        ("[service/*.yaml]", 11, "include.0: matches no file"),
        ("[services/pya.yaml]", 11, "include.0: no such file"),
        ("[services/**/pay.yaml]", 11, "include.0: ** is not supported, expected * for each level of folders"),
        (
            "[services/*.yaml, services/link.yml]",
            28,
            "include.1: services/link.yml is a symbolic link, which aegisgen does not follow; replace it",
        ),
        (
            "[elsewhere/*.yaml]",
            11,
            "include.0: elsewhere is a symbolic link, which aegisgen does not follow; replace it",
        ),
        (
            "[../services/*.yaml]",
            11,
            "include.0: not allowed, expected a path below the project's folder, without '..'",
        ),
        ("[/etc/*.yaml]", 11, "include.0: not allowed, expected a path below the project's folder, without '..'"),
        ("services/*.yaml", 10, "include: a string, expected a list"),
    ],
)
def test_an_include_that_leads_nowhere_good_is_refused_at_its_place(fleet, include, column, expected) -> None:
    (fleet / "services/link.yml").symlink_to("pay.yaml")
    (fleet / "elsewhere").symlink_to("services")
    replace(fleet / "aegisgen.yaml", "[services/*.yaml]", include)
    assert refusal("check", "--no-compose").startswith(f"{PROJECT}:6:{column}: {expected}")


def test_a_link_that_a_pattern_meets_is_refused_too(fleet, cli) -> None:
    (fleet / "services/zz.yaml").symlink_to("pay.yaml")
    outcome = cli("check", "--no-compose")
    assert (outcome.code, "services/zz.yaml is a symbolic link" in outcome.err) == (2, True)


def test_hidden_files_are_not_met_and_what_two_patterns_meet_is_read_once(fleet, cli) -> None:
    (fleet / "services/.#pay.yaml").write_text("an editor's")
    replace(fleet / "aegisgen.yaml", "[services/*.yaml]", "[services/*.yaml, services/pay.yaml, 's*/o*']")
    assert cli("render", "--all").code == 0


def test_a_service_that_two_files_describe_is_reported_with_both_places(fleet) -> None:
    services(fleet / "services/zoo.yaml", ["zoo", "pay-in", "api"])
    assert refusal("check", "--no-compose").splitlines() == [
        "argocd/services/zoo.yaml:11:3: services.pay-in: is described at argocd/services/pay.yaml:4:3 too, expected it once",
        f"argocd/services/zoo.yaml:18:3: services.api: is described at {PROJECT}:9:3 too, expected it once",
    ]


def test_a_service_twice_in_one_file_is_an_error_of_that_file(fleet) -> None:
    file = fleet / "services/order.yaml"
    file.write_text(file.read_text() + "  order: {workload: {name: a, container: b}}\n")
    assert refusal("check", "--no-compose") == (
        "argocd/services/order.yaml:11:3: not valid YAML: the key 'order' twice in one mapping, first 7 lines above\n"
    )


def test_all_errors_of_all_included_files_come_at_once(fleet) -> None:
    (fleet / "services/a.yaml").write_text("apiVersion: aegisgen.dev/v1\nkind: Service\nservices: {}\n")
    (fleet / "services/b.yaml").write_text("a: [\n")
    (fleet / "services/c.yaml").mkdir()
    message = refusal("check", "--no-compose")
    starts = [
        "argocd/services/a.yaml:2:7: kind: ",
        "argocd/services/a.yaml:3:",
        "argocd/services/b.yaml:",
        "argocd/services/c.yaml: cannot be read",
    ]
    assert len(message.splitlines()) == len(starts)
    assert all(line.startswith(start) for line, start in zip(message.splitlines(), starts, strict=True))


def test_an_error_of_a_service_stands_at_its_own_file(fleet) -> None:
    replace(fleet / "services/pay.yaml", "container: app", "container: app\n    initContainer: {name: app}")
    assert refusal("check", "--no-compose") == (
        "argocd/services/pay.yaml:8:27: services.pay-in.initContainer.name: the application container's name, expected another\n"
    )


def test_an_unknown_service_of_a_profile_names_the_nearest_one_and_its_place(fleet) -> None:
    replace(fleet / "profiles/staging.yaml", "    api:", "    ordr: {replicas: 2}\n    api:")
    message = refusal("check", "--no-compose")
    assert "spec.services.ordr: no such service in the project" in message
    assert "did you mean 'order'? (argocd/services/order.yaml:4:3)" in message


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["pay-*"], ["pay-in", "pay-out"]),
        (["pay-in", "o*"], ["order", "pay-in"]),
        (["*", "api"], ["api", "order", "pay-in", "pay-out"]),
        (["pay-[io]*"], ["pay-in", "pay-out"]),
    ],
)
def test_globs_select_services(fleet, cli, patterns, expected) -> None:
    arguments = [part for pattern in patterns for part in ("--service", pattern)]
    outcome = cli("render", "staging", "--stdout", *arguments)
    shown = [line.split("/")[3] for line in outcome.out.splitlines() if line.startswith("# Source: ")]
    assert (outcome.code, shown) == (0, expected)


@pytest.mark.parametrize(
    ("pattern", "meant"), [("pya-*", "'pay-in'"), ("odrer", "'order'"), ("pay-iout", "'pay-out' or 'pay-in'")]
)
def test_a_glob_that_nothing_matches_names_the_nearest_services(fleet, pattern, meant) -> None:
    message = refusal("check", "--service", pattern)
    assert f"no service '{pattern}'; there is api, order, pay-in, pay-out; did you mean {meant}" in message


def test_of_very_many_services_only_some_are_listed(fleet, cli) -> None:
    services(fleet / "services/many.yaml", [f"m-{number:03}" for number in range(100)])
    outcome = cli("check", "--service", "zzz")
    assert (
        outcome.err
        == "no service 'zzz'; there is api, m-000, m-001, m-002, m-003, m-004, m-005, m-006, m-007, m-008, m-009, m-010 and 92 more\n"
    )


def test_a_project_without_any_service_says_where_they_could_be(project) -> None:
    put(project / "aegisgen.yaml", apiVersion="aegisgen.dev/v1", kind="Project")
    assert refusal("check") == (
        f"{PROJECT}:1:1: services: missing, expected at least one service, here or in a file that `include` names\n"
    )


def test_validate_knows_the_kind(fleet, cli, monkeypatch) -> None:
    file = fleet / "services/pay.yaml"
    monkeypatch.chdir("/")  # where no project is broken by it
    assert cli("validate", str(file)).code == 0
    replace(file, "container:", "contaner:")
    outcome = cli("validate", str(file))
    assert outcome.code == 1
    assert "services.pay-in.workload.contaner: unknown field; did you mean 'container'?" in outcome.out
