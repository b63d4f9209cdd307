"""What the kubelet makes of a container: variables, paths, and what it says of what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisgen.errors import InputError
from aegisgen.kube.resource import Identity
from aegisgen.rehearsal.database.address import Names, Value, readdress, wish
from aegisgen.rehearsal.kubelet.environment import MissingError, PodFacts, environment, expand
from aegisgen.rehearsal.kubelet.spec import Container, JobSpec, spec_of
from aegisgen.rehearsal.kubelet.volumes import rewriting
from aegisgen.rehearsal.objects import Objects, Values
from aegisgen.rehearsal.postgres.sessions import Login

POD = PodFacts("api-x", "production", "uid-1", "account", {"app": "api"}, {"note": "a"})
LOGIN = Login("127.0.0.1", 20001, "aegisx", "p@ss", "aegisx")


OBJECTS = Objects(
    Path(),
    {("ConfigMap", "config"): {"HOST": "db", "PORT": "5432"}, ("Secret", "secrets"): {"PASSWORD": "secret"}},
    Values(Names(), "", "", ()),
)


def container(**fields: object) -> Container:
    return spec_of({"name": "c", **fields}, Container, Identity("v1", "Pod", "", "p"), "test")


def values(**fields: object) -> dict[str, str]:
    return {name: value.text for name, value in environment(container(**fields), POD, OBJECTS).items()}


def test_env_goes_before_env_from_and_refers_to_what_stands_above_it() -> None:
    found = values(
        envFrom=[{"prefix": "DB_", "configMapRef": {"name": "config"}}],
        env=[
            {"name": "DB_PORT", "value": "6432"},
            {"name": "URL", "value": "$(DB_HOST):$(DB_PORT)/$(LATER)/$$(DB_HOST)"},
            {"name": "LATER", "value": "x"},
        ],
    )
    assert found == {"DB_HOST": "db", "DB_PORT": "6432", "URL": "db:6432/$(LATER)/$(DB_HOST)", "LATER": "x"}


def test_fields_and_resources_are_the_pods_own() -> None:
    def field(path: str) -> dict[str, object]:
        return {"name": path, "valueFrom": {"fieldRef": {"fieldPath": path}}}

    paths = ["metadata.name", "metadata.labels['app']", "metadata.annotations['note']", "spec.serviceAccountName"]
    limit = {"name": "cpu", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}
    found = values(env=[*map(field, paths), limit], resources={"limits": {"cpu": "2"}})
    assert list(found.values()) == ["api-x", "api", "a", "account", "2"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"envFrom": [{"configMapRef": {"name": "none"}}]}, 'configmap "none" not found'),
        ({"envFrom": [{"secretRef": {"name": "none"}}]}, 'secret "none" not found'),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "NONE"}}}]},
            "couldn't find key NONE in ConfigMap production/config",
        ),
    ],
)
def test_what_is_missing_is_named_as_the_kubelet_does(fields: dict[str, object], message: str) -> None:
    with pytest.raises(MissingError, match=r".*") as caught:
        values(**fields)
    assert (str(caught.value), caught.value.status) == (message, "CreateContainerConfigError")


def test_what_is_optional_may_be_missing() -> None:
    reference = {"name": "none", "key": "A", "optional": True}
    assert values(env=[{"name": "A", "valueFrom": {"secretKeyRef": reference}}]) == {}
    assert values(envFrom=[{"secretRef": {"name": "none", "optional": True}}]) == {}


@given(st.text(), st.dictionaries(st.text("AB", min_size=1), st.text("xy$")))
def test_expansion_ends_and_leaves_what_it_does_not_know(text: str, variables: dict[str, str]) -> None:
    expanded = expand(text, variables)
    if "$" not in text:
        assert expanded == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cd /backup && ls /backup/x", "cd /local/b && ls /local/b/x"),
        ("${TERMINATION_LOG:-/dev/termination-log}", "${TERMINATION_LOG:-/local/message}"),
        ("--file=/backup/dump", "--file=/local/b/dump"),
        ("s3://bucket/backup", "s3://bucket/backup"),
        ("$HOME/backup /backups /backup.old", "$HOME/backup /backups /backup.old"),
        ("/backup/new/x", "/local/new/x"),
    ],
)
def test_paths_of_the_container_become_paths_of_the_stage(text: str, expected: str) -> None:
    paths = {"/backup": "/local/b", "/dev/termination-log": "/local/message", "/backup/new": "/local/new", "/": "/no"}
    assert rewriting(paths)(text) == expected


def env(**variables: str) -> dict[str, Value]:
    return {name: Value(text) for name, text in variables.items()}


def test_variables_of_the_database_lead_to_the_rehearsals_own() -> None:
    found = readdress(
        {**env(DATABASE_HOST="production-postgres", DATABASE_PORT="5432", NODE_ENV="production", PORT="3333"),
         "PGPASSWORD": Value("old", "DATABASE_PASSWORD"), "MY_DB": Value("shop")},
        LOGIN,
        Names({"name": "MY_DB"}),
    )  # fmt: skip
    assert found == {
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": "20001",
        "NODE_ENV": "production",
        "PORT": "3333",
        "PGPASSWORD": "p@ss",
        "MY_DB": "aegisx",
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@db:5432/x?schema=public", "postgres://aegisx:p%40ss@127.0.0.1:20001/aegisx?schema=public"),
        ("postgresql+psycopg://u@db/x", "postgresql+psycopg://aegisx:p%40ss@127.0.0.1:20001/aegisx"),
        ("jdbc:postgresql://db:5432/x?ssl=true", "jdbc:postgresql://127.0.0.1:20001/aegisx?ssl=true"),
        ("postgres://u:p@localhost:5432/x", "postgres://u:p@localhost:5432/x"),
    ],
)
def test_a_url_keeps_its_form(url: str, expected: str) -> None:
    assert readdress(env(DATABASE_URL=url), LOGIN, Names()) == {"DATABASE_URL": expected}


def test_a_database_beside_the_container_stays_where_it_is() -> None:
    here = env(DATABASE_HOST="127.0.0.1", DATABASE_PORT="5432", DATABASE_PASSWORD="any")
    assert readdress(here, LOGIN, Names(), sidecar_port=30000) == {
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": "30000",
        "DATABASE_PASSWORD": "any",
    }
    assert wish(here, Names()) is None


def test_user_and_database_are_those_of_the_tree() -> None:
    assert wish(env(DATABASE_HOST="db", DATABASE_USER="u", DATABASE_NAME="n"), Names()) == ("u", "n")
    assert wish(env(DATABASE_URL="postgres://u%20v:p@db/n"), Names()) == ("u v", "n")


def test_nulls_are_as_if_they_were_not_there_and_nonsense_is_named() -> None:
    assert container(command=None, args=["a"]).command == ()
    with pytest.raises(InputError, match="Job/j: cannot be run"):
        spec_of({"backoffLimit": "many"}, JobSpec, Identity("batch/v1", "Job", "", "j"), "overlay")


AT_ONCE = """
import sys, threading
from aegisgen.rehearsal.kubelet.spec import JobSpec, PodSpec, Template, WorkloadSpec, spec_of

def read():
    together.wait()
    for kind in (Template, JobSpec, WorkloadSpec, PodSpec):
        spec_of({"template": {"spec": {"containers": [{"name": "a"}]}}}, kind, "any", "any")

sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_scenarios_that_play_at_once_may_read_their_first_manifests_at_once() -> None:
    """Where msgspec finds out about a type in several threads at once, most such processes end by a signal."""
    codes = [subprocess.run([sys.executable, "-c", AT_ONCE], check=False).returncode for _ in range(4)]
    assert codes == [0] * 4
