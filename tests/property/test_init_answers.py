"""Whatever somebody answers: a project that loads and says just that, or a clear refusal. Never a broken project."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.templates import bundled_templates

from aegisgen.errors import UsageError
from aegisgen.init.answers import FORMS
from aegisgen.init.clues import Clues
from aegisgen.init.detect import detect
from aegisgen.init.files import project_files
from aegisgen.init.questions import QUESTIONS, Flags, complete
from aegisgen.profile.model import Profile, Project
from aegisgen.profile.reading import convert
from aegisgen.profile.resolve import resolve
from aegisgen.profile.sources import ProfileSource, ProjectSource
from aegisgen.yaml.source import parse_one

TEMPLATES = bundled_templates()
HOSTILE = (
    st.text(max_size=30)
    | st.sampled_from(["", "null", "yes", "1e3", "a: b", "{x", "- a", "#", "'", '"', "a\nb", "{{ x }}", "$(X)", "..", "a" * 70])
)  # fmt: skip
PLAUSIBLE = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True) | st.sampled_from(["no", "null", "y", "on"])
KEYS = [question.key for question in QUESTIONS]
CHOICES = {
    "tool": ["knex", "prisma", "alembic", "golang-migrate", "command"],
    "kind": ["Deployment", "StatefulSet", "DaemonSet"],
}


def answer(key: str) -> st.SearchStrategy[str]:
    chosen = st.sampled_from(CHOICES[key]) if key in CHOICES else PLAUSIBLE
    return chosen | chosen | chosen | HOSTILE


ANSWERS = st.fixed_dictionaries({}, optional={key: answer(key) for key in KEYS if key in FORMS})
OF_ENVIRONMENT = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("namespace", "prefix", "tag", "database-host"), PLAUSIBLE | HOSTILE)
)
PACKAGE = st.fixed_dictionaries(
    {"name": HOSTILE, "dependencies": st.just({"knex": "3"})},
    optional={
        "scripts": st.dictionaries(
            HOSTILE, st.sampled_from(["knex migrate:latest", "knex migrate:list", "x"]), max_size=4
        ),
        "packageManager": HOSTILE | st.just("npm@10"),
    },
)


def written(flags: Flags, clues: Clues) -> dict[str, str] | None:
    found = detect(clues, flags.answers)
    try:
        return project_files(complete(flags, found, None, guess=True), found, TEMPLATES)
    except UsageError:
        return None


@settings(max_examples=200)
@given(answers=ANSWERS, environment=PLAUSIBLE | HOSTILE, values=OF_ENVIRONMENT)
def test_answers_are_in_the_project_or_refused(answers, environment, values) -> None:
    flags = Flags(answers, (environment,), {key: {environment: value} for key, value in values.items()})
    files = written(flags, Clues("shop", "argocd", {}, (), "", {}))
    if files is None:
        return
    data = yaml.safe_load(files["aegisgen.yaml"])
    ((service, fields),) = data["services"].items()
    assert service == answers.get("service", "shop")
    assert fields["image"] == answers.get("image", f"ghcr.io/example/{service}")
    assert fields["workload"]["name"] == answers.get("workload", service)
    spec = yaml.safe_load(files[f"profiles/{environment}.yaml"])["spec"]
    assert spec["namespace"] == values.get("namespace", environment)
    document = parse_one(files["aegisgen.yaml"].encode(), "aegisgen.yaml")
    profile = parse_one(files[f"profiles/{environment}.yaml"].encode(), "x.yaml")
    targets = resolve(
        ProjectSource(Path(), document, convert(document, Project)),
        ProfileSource(environment, "x.yaml", profile, convert(profile, Profile)),
    )
    assert len(targets) == 1


@settings(max_examples=100)
@given(name=HOSTILE, package=PACKAGE, remote=HOSTILE.map("git@github.com:{}".format), port=HOSTILE)
def test_clues_of_a_strange_repository_do_no_harm(name, package, remote, port) -> None:
    witnesses = {
        "package.json": json.dumps(package).encode(),
        "Dockerfile": f"EXPOSE {port}".encode("utf-8", "replace"),
    }
    files = written(Flags({}, (), {}), Clues(name, "argocd", witnesses, (), remote, {}))
    if files is not None:
        assert convert(parse_one(files["aegisgen.yaml"].encode(), "aegisgen.yaml"), Project)
