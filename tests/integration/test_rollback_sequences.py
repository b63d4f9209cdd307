"""Sequences of syncs, whatever goes wrong in them: the record does what docs/pipeline.md says, and loses nothing.

With `-m long`, AEGISGEN_SEQUENCES (2000) of them are tried, in parts of 100 with a seed each, the first of which is
AEGISGEN_SEED (1). A part that fails is played again by its name: `-m long -k "seed-17-"`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.conftest import ROOT
from tests.pods import SCRIPTS
from tests.postgres import new_database
from tests.sync_model import UNFINISHED
from tests.sync_play import Deploy, Person, Play
from tests.syncs import World
from tests.tools import need

from aegisgen.rehearsal.postgres.server import Server

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow]

PART = 100
PARTS = int(os.environ.get("AEGISGEN_SEQUENCES", "2000")) // PART
SEED = int(os.environ.get("AEGISGEN_SEED", "1"))
RELEASE = Deploy()
EXAMPLES: dict[str, list[Deploy | Person]] = {
    "a rollback that failed, a release, and a sync that migrated nothing": [
        RELEASE,
        Deploy(("plain", "plain"), "migrated", stuck=0),
        Deploy(None),
        Deploy((), "begun"),
    ],
    "a rollback that failed, a release that migrates, and a sync that fails": [
        RELEASE,
        Deploy(("plain", "plain"), "migrated", stuck=1),
        RELEASE,
        Deploy(ends="migrated"),
    ],
    "a rollback that failed, and a sync of the same image": [
        Deploy(ends="migrated", stuck=0),
        Deploy(None, "begun"),
        Deploy(None, "before"),
        Person("job"),
    ],
    "a rollback whose pod fails goes on in the next pod": [Deploy(("plain", "plain"), "migrated", stuck=1, attempts=3)],
    "a rollback that failed, and a sync that fails before its first Job": [
        Deploy(ends="migrated", stuck=0),
        Deploy(None, "before"),
    ],
    "half of a migration without a transaction": [Deploy(("plain", "outside"), "migration", at=1, attempts=2)],
    "half of it in a pod that was killed": [Deploy(("plain", "outside"), "killed", at=1)],
    "half of it, undone by hand": [Deploy(("plain", "outside"), "migration", at=1), Person("clean"), Person("job")],
    "half of it, and a person asks for the newest": [RELEASE, Deploy(("outside",), "migration"), Person("job")],
    "half of it, whose file does not tell": [RELEASE, Deploy(("hidden",), "migration")],
    "half of it after others, whose file does not tell": [RELEASE, Deploy(("plain", "hidden"), "migration", at=1)],
    "a migration that failed, and nothing is left": [RELEASE, Deploy(("plain", "plain"), "migration", at=1)],
    "no way back": [RELEASE, Deploy(("plain", "one-way"), "migrated")],
    "a release that is rolled out": [RELEASE, Deploy(ends="rolled out", attempts=2), Deploy(None)],
    "a release that is rolled out and migrated nothing": [RELEASE, Deploy((), "rolled out")],
    "a sync that was terminated, and one of another image": [
        Deploy(ends="migrated", terminated=True),
        Deploy((), "before"),
        Deploy(None, "begun"),
    ],
    "a sync that was terminated, and one of the same image": [
        Deploy(ends="migrated", terminated=True),
        Deploy(None, "begun"),
        Deploy(None),
        Person("job"),
    ],
    "a sync that was terminated in its rollout, and one that fails before its first Job": [
        Deploy(ends="rolled out", terminated=True),
        Deploy(None, "before"),
    ],
    "a killed pod, and the next one succeeds": [RELEASE, Deploy(("plain", "plain"), "killed", at=1, pods=2)],
    "a killed pod, and a person goes on": [Deploy(("plain", "plain"), "killed", at=1, by="pending")],
    "by hand, a migration that is not the sync's": [RELEASE, Deploy(ends="migrated", by="foreign")],
    "by hand, what the sync migrated, before the release": [RELEASE, Deploy(ends="succeeds", by="job")],
    "by hand, a confirmed release": [RELEASE, RELEASE, Person("job"), Deploy(None)],
    "by hand, after a later release": [RELEASE, Deploy(ends="migrated", terminated=True), Deploy(()), Person("job")],
    "a release after many that failed": [
        Deploy(ends="migrated", stuck=0),
        Deploy(ends="migrated", stuck=0),
        Deploy(ends="killed", terminated=True),
        RELEASE,
        Person("job"),
        Person("job"),
    ],
}


@pytest.fixture(scope="module")
def world(postgres: Server, app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A database that each sequence begins anew."""
    with closing(World(new_database(postgres), app, tmp_path_factory.mktemp("images"))) as world:
        yield world


def play(world: World, steps: list[Deploy | Person], after: str = "presync") -> None:
    played = Play(world, after)
    for step in steps:
        played.step(step)


@pytest.mark.parametrize("after", ["presync", "sync"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_record_does_what_the_model_says(world: World, name: str, after: str) -> None:
    play(world, EXAMPLES[name], after)


# What is broken: the example that sees it, and what of runs.mjs becomes what.
MUTATIONS = {
    "a sync leaves open what was": (
        "a sync that was terminated, and one of another image",
        r"await move\(client, \"left\".*",
        "",
    ),
    "a success supersedes nothing": (
        "a rollback that failed, a release, and a sync that migrated nothing",
        r"await move\(client, \"superseded\".*",
        "",
    ),
    "a success confirms nothing": (
        "a rollback that failed, a release, and a sync that migrated nothing",
        r"if \(succeeded\) await move.*",
        "",
    ),
    "a rollout is not recorded": ("a release that is rolled out", r"if \(sync\.state === \"open\"\) await move.*", ""),
    "what was taken back is rolled out": (
        "by hand, what the sync migrated, before the release",
        r"if \(\[\"rolling back\", \"refused\", \"rolled back\"\]",
        "if (false && [0]",
    ),
    "a rollback does not look at the image": (
        "a sync that was terminated, and one of another image",
        r"if \(!sync \|\| sync\.image !== image\) return undefined",
        "if (!sync) return undefined",
    ),
    "a rollback takes up any other": (
        "a rollback that failed, and a sync that fails before its first Job",
        r"if \(job && by === job\) return sync",
        "return sync",
    ),
    "a rollback's second pod does nothing": (
        "a rollback whose pod fails goes on in the next pod",
        r"if \(job && by === job\) return sync",
        "if (job && by === job) return undefined",
    ),
    "another's rollback is a success": (
        "a rollback that failed, and a sync that fails before its first Job",
        r"throw new Refusal\(\"a rollback that Job.*",
        "return undefined;",
    ),
    "a rollback takes back the newest": (
        "a rollback that failed, a release, and a sync that migrated nothing",
        r"if \(outcome === \"newest\"\) \{\n    return",
        "if (true) {\n    return",
    ),
    "by hand, what is rolled back is the newest": (
        "a release after many that failed",
        r"AND state <> 'rolled back' ",
        "",
    ),
    "by hand, what recorded nothing is passed over": (
        "half of it, and a person asks for the newest",
        r"state IN \('rolling back', 'refused'\) OR ",
        "",
    ),
    "what others applied is taken back": ("a killed pod, and a person goes on", r"if \(foreign\.length", "if (false"),
    "a later batch is the run's own": (
        "a killed pod, and a person goes on",
        r"since\.filter\(\(\{ set, batch \}\) =>.*?\)\)",
        "since)",
    ),
    "half a migration is no obstacle": (
        "half of a migration without a transaction",
        r"if \(outcome !== \"newest\"\) await refuseHalf.*",
        "",
    ),
    "what is left of a failed migration is no obstacle": (
        "half of it, whose file does not tell",
        r"if \(!back\.length && broken\)",
        "if (false)",
    ),
    "a killed pod was at nothing": (
        "half of it in a pod that was killed",
        r"JSON\.stringify\(applied\(now, before\)\), current\(now\)\]",
        'JSON.stringify(applied(now, before)), ""]',
    ),
    "a killed pod applied nothing": (
        "a killed pod, and the next one succeeds",
        r"\[id, JSON\.stringify\(applied\(now, before\)\)",
        '[id, "[]"',
    ),
    "a failed run was at nothing": (
        "half of a migration without a transaction",
        r"within \? current\(now\) : \"\"",
        '""',
    ),
    "a rollout is no obstacle": ("a release that is rolled out", r"rolledOut && back\.length", "false && back.length"),
    "a rollout of nothing is an obstacle": (
        "a release that is rolled out and migrated nothing",
        r"rolledOut && back\.length",
        "rolledOut",
    ),
    "the profile is not asked": (
        "a release that is rolled out",
        r"setting\(\"after\", \"presync\"\) !== \"sync\"",
        "true",
    ),
    "no way back is no obstacle": ("no way back", r"back\.forEach\(refuseOneWay\)", ""),
    "a refusal is not recorded": (
        "no way back",
        r"if \(error instanceof Refusal && outcome !== \"newest\"\) await move.*",
        "",
    ),
    "a down is believed": (
        "half of it after others, whose file does not tell",
        r"if \(left\) throw new Refusal\(\"the schema is not.*",
        "",
    ),
    "a rollback never ends": (
        "a migration that failed, and nothing is left",
        r"await move\(client, \"rolled back\".*",
        "",
    ),
    "the plan's order is that of the run": (
        "a rollback whose pod fails goes on in the next pod",
        r"\.reverse\(\);",
        ";",
    ),
    "a pod belongs to no sync": (
        "by hand, a confirmed release",
        r'last && last\.state === "open" && last\.image === image \? last : ',
        "",
    ),
}


SHORT = {
    "a rollback takes back the newest",
    "a success supersedes nothing",
    "what others applied is taken back",
    "half a migration is no obstacle",
}


@pytest.mark.parametrize(
    "name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in MUTATIONS]
)
def test_each_rule_switched_off_is_caught_by_an_example(world: World, tmp_path: Path, name: str) -> None:
    example, pattern, replacement = MUTATIONS[name]
    changed, times = re.subn(pattern, lambda _: replacement, (SCRIPTS / "runs.mjs").read_text())
    assert times == 1, f"{pattern} matches {times} times"
    world.script = tmp_path / "runs.mjs"
    world.script.write_text(changed)
    shutil.copy(SCRIPTS / "database.mjs", tmp_path)
    try:
        for after in ("presync", "sync"):
            play(world, EXAMPLES[example], after)
    except AssertionError:
        return
    finally:
        world.script = SCRIPTS / "runs.mjs"
    pytest.fail("the example does not see it")


def test_the_documented_states_are_the_models() -> None:
    table = (ROOT / "docs/pipeline.md").read_text().partition("| state | baseline")[2].partition("\n\n")[0]
    states = {state for row in table.splitlines()[2:] for state in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert states == {*UNFINISHED, "confirmed", "superseded", "rolled back"}


KINDS = st.sampled_from(["plain", "plain", "plain", "outside", "one-way", "hidden"])
DEPLOYS = st.builds(
    Deploy,
    new=st.none() | st.lists(KINDS, max_size=3).map(tuple),
    ends=st.sampled_from(["before", "begun", "migration", "killed", "migrated", "rolled out", "succeeds", "succeeds"]),
    keeps=st.booleans(),
    at=st.integers(0, 2),
    pods=st.sampled_from([1, 1, 2]),
    by=st.sampled_from(["", "", "", "pending", "foreign", "down", "job", "clean"]),
    stuck=st.none() | st.integers(0, 2),
    attempts=st.sampled_from([1, 1, 2]),
    terminated=st.sampled_from([False, False, False, True]),
)
PEOPLE = st.builds(Person, st.sampled_from(["pending", "foreign", "down", "job", "clean"]))


def seeded(number: int, sequences: int, *marks: pytest.MarkDecorator) -> ParameterSet:
    return pytest.param(number, sequences, marks=marks, id=f"seed-{number}-{sequences}-sequences")


@pytest.mark.parametrize(
    ("number", "sequences"),
    [seeded(0, 25), *(seeded(number, PART, pytest.mark.long) for number in range(SEED, SEED + PARTS))],
)
def test_no_sequence_loses_anything(world: World, number: int, sequences: int) -> None:
    @seed(number)
    class Syncs(RuleBasedStateMachine):
        @initialize(after=st.sampled_from(["presync", "sync"]))
        def begin(self, after: str) -> None:
            self.play = Play(world, after)

        @rule(step=DEPLOYS)
        def deploy(self, step: Deploy) -> None:
            self.play.step(step)

        @rule(step=PEOPLE)
        def meddle(self, step: Person) -> None:
            self.play.step(step)

    often = settings(
        max_examples=sequences, stateful_step_count=6, print_blob=False, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Syncs, settings=often)
