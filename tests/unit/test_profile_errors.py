"""Every way in which a project file or a profile can be wrong, and the exact line that a user gets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.conftest import Cli
from tests.trees import replace

PRODUCTION = "argocd/profiles/production.yaml"
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("strategy: presync-job", "stratgy: presync-job", "9:3: spec.stratgy: unknown field; did you mean 'strategy'?"),
        ("strategy: presync-job", "strategy: presync", "9:13: spec.strategy: not allowed, expected init-container or presync-job; did you mean 'presync-job'?"),
        ("ttl: 7d", "ttl: 7 days", "11:31: spec.job.ttl: not allowed, expected a duration such as 90s, 30m, 12h or 7d"),
        ("ttl: 7d", "ttl: 604800", "11:31: spec.job.ttl: a number, expected a duration such as 90s, 30m, 12h or 7d; put it in quotes"),
        ("ttl: 7d", "ttl: 30s", "11:31: spec.job.ttl: too short, expected at least 10m"),
        ("backoffLimit: 3", "backoffLimit: -1", "11:23: spec.job.backoffLimit: not allowed, expected a whole number from 0 to 20"),
        ("backoffLimit: 3", "backoffLimit: three", "11:23: spec.job.backoffLimit: a string, expected a whole number from 0 to 20"),
        ("wave: -1", "wave: -4", "10:9: spec.hook.configWave: not before"),
        ("namespace: production", "namespace: Production", "6:14: spec.namespace: not allowed, expected a DNS-1123 label"),
        ("  namespace: production\n", "", "6:3: spec.namespace: missing, expected a DNS-1123 label"),
        ("image: {tag: production}", "image: {tag: 1.30}", "8:16: spec.image.tag: a number, expected an image tag"),
        ("image: {tag: production}", "image: 'a b'", "8:10: spec.image: not allowed, expected an image without tag or digest"),
        ("image: {tag: production}", "image: [a]", "8:10: spec.image: a list, expected a string or a mapping"),
        ("image: {tag: production}", "image: {tga: production}", "8:11: spec.image.tga: unknown field; did you mean 'tag'?"),
        ("DATABASE_HOST: production-aegisx-postgres", "DATABASE_PORT: 5432", "spec.services.api.config.DATABASE_PORT: a number, expected text without control characters; put it in quotes"),
        ("DATABASE_HOST: production-aegisx-postgres", "LOG: x", "spec.services.api.config: DATABASE_HOST missing, expected a value"),
        ("config: {DATABASE_HOST", "config: {1BAD: x, DATABASE_HOST", "spec.services.api.config: a name that is not allowed here, expected the name of an environment variable"),
        ("    api:", "    apii:", "spec.services.apii: no such service in the project, expected one of api; did you mean 'api'?"),
        ("strategy: presync-job", "strategy: presync-job\n  initContainer: {name: db-migration}", "10:18: spec.initContainer: belongs to the strategy init-container, but the strategy here is presync-job; remove it"),
        ("strategy: presync-job", "strategy: init-container", "10:9: spec.hook: belongs to the strategy presync-job, but the strategy here is init-container; remove it"),
        ("deadline: 30m", "deadline: 60s", "expected time left to migrate after the wait"),
        ("metadata: {name: production}", "metadata: {name: prod}", "4:18: metadata.name: not the file's name, expected production"),
        ("kind: EnvironmentProfile", "kind: Profile", "3:7: kind: not allowed, expected EnvironmentProfile"),
        ("namePrefix: production-", "namePrefix: " + "p" * 50, "characters, expected at most 63"),
        ("replicas: 3", "enabled: maybe", "spec.services.api.enabled: a string, expected true or false"),
        ("config: {DATABASE_HOST", 'config: {X: "\\ta\\nb", DATABASE_HOST', "spec.services.api.config.X: several lines of which the first begins with a tab, expected spaces"),
        ("spec:\n", "spec: 3\nx:\n", "5:7: spec: a number, expected a mapping"),
    ],
)  # fmt: skip
def test_a_wrong_profile_says_what_where_and_what_instead(
    project: Path, cli: Cli, old: str, new: str, expected: str
) -> None:
    replace(project / "profiles/production.yaml", old, new)
    code, out, err = cli("render", "production", "--stdout")
    assert code == 2
    assert out == ""
    assert expected in err
    assert all(line.startswith((PRODUCTION, "argocd/aegisgen.yaml")) for line in err.splitlines())


def test_all_errors_of_all_files_come_at_once(project: Path, cli: Cli) -> None:
    replace(project / "profiles/production.yaml", "ttl: 7d", "ttl: long")
    replace(project / "profiles/production.yaml", "backoffLimit: 3", "backoffLimit: many")
    replace(project / "profiles/staging.yaml", "namespace: staging", "namespace: Staging")
    code, _, err = cli("check")
    assert code == 2
    assert [line.split(": ")[1] for line in err.splitlines()] == [
        "spec.job.backoffLimit",
        "spec.job.ttl",
        "spec.namespace",
    ]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("config: {DATABASE_PASSWORD: hunter2}", "config.DATABASE_PASSWORD"),
        ("config: {API_KEY: hunter2}", "config.API_KEY"),
        ("config: {DATABASE_URL: 'postgres://aegisx:hunter2@db/aegisx'}", "config.DATABASE_URL"),
        (f"config: {{GH: {TOKEN}}}", "config.GH"),
        (f"config: {{{TOKEN}: x}}", "config"),
        (f"database: {{config: {{keys: [{TOKEN}]}}}}", "database.config.keys.0"),
        ("migrations: {env: {PGPASSWORD: hunter2}}", "migrations.env.PGPASSWORD"),
        ("migrations: {commands: {migrate: [tool, --password, hunter2]}}", "migrations.commands.migrate"),
        (f"migrations: {{commands: {{migrate: [tool, {TOKEN}]}}}}", "migrations.commands.migrate.1"),
        (f"job: {{annotations: {{note: {TOKEN}}}}}", "job.annotations.note"),
        (f"enabled: false\n      config: {{GH: {TOKEN}}}", "config.GH"),
    ],
)
def test_a_secret_in_a_profile_is_an_error_that_does_not_repeat_it(
    project: Path, cli: Cli, line: str, field: str
) -> None:
    file = project / "profiles/production.yaml"
    replace(file, "config: {DATABASE_HOST: production-aegisx-postgres}", line)
    text = file.read_text()
    at = next(number for number, each in enumerate(text.splitlines(), 1) if "hunter2" in each or TOKEN in each)
    for arguments in (("render", "production"), ("check", "--no-compose"), ("validate", "argocd/profiles")):
        code, out, err = cli(*arguments)
        assert code == (1 if arguments[0] == "validate" else 2)
        assert f"{PRODUCTION}:{at}:" in out + err
        assert f"spec.services.api.{field}: looks like a secret" in out + err
        assert "hunter2" not in out + err
        assert TOKEN not in out + err


def test_a_value_where_a_secret_reference_belongs_is_an_error_that_does_not_repeat_it(project: Path, cli: Cli) -> None:
    replace(project / "aegisgen.yaml", "secret: {name: aegisx-api-secrets}", "secret: {value: hunter2}")
    code, out, err = cli("render", "staging")
    assert code == 2
    assert "services.api.database.secret.value: unknown field" in err
    assert "hunter2" not in out + err


def test_an_error_of_another_environment_does_not_stop_this_one(project: Path, cli: Cli) -> None:
    replace(project / "profiles/production.yaml", "ttl: 7d", "ttl: long")
    assert cli("render", "staging")[0] == 0
    assert cli("render", "--all")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["render", "stagin"], "no environment 'stagin'; there is production, staging; did you mean 'staging'?"),
        (["render", "staging", "--service", "apj"], "no service 'apj'; there is api; did you mean 'api'?"),
        (["render"], "name one or more environments, or give --all"),
        (["render", "staging", "--all"], "name one or more environments, or give --all"),
        (["render", "staging", "--project", "nowhere.yaml"], "nowhere.yaml: cannot be read: No such file"),
        (["schema", "deployment"], "no schema 'deployment', expected project or services or profile"),
        (["validate", "nowhere"], "nowhere: no such file or directory"),
        (["validate", "--kubernetes-version", "1.2"], "no schemas for Kubernetes 1.2; there are 1.30"),
    ],
)
def test_a_wrong_command_line_names_what_there_is(project: Path, cli: Cli, arguments: list[str], expected: str) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert expected in err


def test_outside_of_a_project_the_error_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = cli("check")
    assert code == 2
    assert "no project found" in err


def test_a_named_template_that_fails_is_named_with_its_line(project: Path, cli: Cli) -> None:
    own = project / "templates/init-container/deployment-patch.yaml.j2"
    own.parent.mkdir(parents=True)
    for text, line in (("a: 1\nb: {{ target.nothing }}\n", 2), ("a: 1\nb: 2\n{% if %}\n", 3), ("{{ 1 / 0 }}\n", 1)):
        own.write_text(text)
        code, _, err = cli("render", "staging", "--templates", "argocd/templates")
        assert code == 2
        assert err.startswith(f"argocd/templates/init-container/deployment-patch.yaml.j2:{line}:1: the template failed")


def test_the_strongest_layer_wins(project: Path, cli: Cli) -> None:
    def image() -> str:
        patch = yaml.safe_load(cli("render", "staging", "--stdout").out)
        return str(patch["spec"]["template"]["spec"]["initContainers"][0]["image"])

    assert image().endswith(":staging")
    replace(project / "profiles/staging.yaml", "replicas: 1", "replicas: 1\n      image: {tag: own}")
    assert image().endswith("aegisx-starter-api:own")
    replace(project / "profiles/staging.yaml", "image: {tag: own}", "image: example.com/other")
    assert image() == "example.com/other:staging"
