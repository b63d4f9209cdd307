"""Ignores, their reasons, and the baseline."""

from __future__ import annotations

import pytest
from tests.rule_examples import context_of_example

from aegisgen.errors import Finding, InputError, Severity
from aegisgen.record import replace
from aegisgen.rules.baseline import fingerprint, read_baseline, write_baseline
from aegisgen.rules.check import check
from aegisgen.rules.context import Settings
from aegisgen.rules.ignores import Ignore, annotated, commented, settle

FINDING = Finding("a/job.yaml", 7, 3, "H105", Severity.WARNING, "no deadline", "Job/migration")
OTHER = replace(FINDING, rule="H106", line=9)

HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
    {annotation}
spec:
  backoffLimit: 3
"""


def ignore(**fields: object) -> Ignore:
    return Ignore(
        **{"rule": "H105", "reason": "known", "path": "argocd/aegisgen.yaml", "line": 3, "column": 5, **fields}
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"resource": "Job/migration"},
        {"resource": "Job/*"},
        {"file": "a/*.yaml"},
        {"on": (7,)},
        {"within": frozenset({"a/job.yaml"})},
    ],
)
def test_an_ignore_with_a_reason_silences_its_finding_alone(fields: dict[str, object]) -> None:
    assert settle([FINDING, OTHER], [ignore(**fields)]) == [OTHER]


@pytest.mark.parametrize(
    "fields",
    [
        {"rule": "H107"},
        {"resource": "Deployment/*"},
        {"file": "b/*"},
        {"on": (8,)},
        {"within": frozenset({"b/job.yaml"})},
    ],
)
def test_an_ignore_of_something_else_silences_nothing_and_is_reported(fields: dict[str, object]) -> None:
    found = settle([FINDING], [ignore(**fields)])

    assert FINDING in found
    (unused,) = (finding for finding in found if finding.rule == "C602")
    assert (unused.path, unused.line, unused.column) == ("argocd/aegisgen.yaml", 3, 5)


def test_an_ignore_without_a_reason_silences_nothing_and_is_an_error() -> None:
    found = settle([FINDING], [ignore(reason="")])

    assert [finding.rule for finding in found] == ["H105", "C601"]
    assert found[1].severity is Severity.ERROR


def test_an_ignore_of_an_unknown_rule_is_an_error_and_one_of_a_schema_finding_is_not() -> None:
    schema = replace(FINDING, rule="V002")

    found = settle([schema], [ignore(rule="H999"), ignore(rule="V002")])

    assert [finding.rule for finding in found] == ["C603"]


def test_findings_about_ignores_have_severities_too() -> None:
    assert settle([], [ignore()], severities={"C602": None}) == []
    assert settle([], [ignore()], severities={"C602": Severity.ERROR})[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("text", "rules", "reason", "on"),
    [
        ("a: b # aegisgen: ignore[H105] it is short\n", ["H105"], "it is short", 1),
        ("a: b\n# aegisgen: ignore[H105, H106] both\n# more\n\nc: d\n", ["H105", "H106"], "both", 5),
        ("  #aegisgen:ignore[H105]\na: b\n", ["H105"], "", 2),
        ("# aegisgen: ignore[H105] at the end\n", ["H105"], "at the end", 1),
        ("a: b # aegisgen: ignore[] nothing\n", [""], "nothing", 1),
    ],
)
def test_comments_are_about_their_line_or_the_next(text: str, rules: list[str], reason: str, on: int) -> None:
    found = commented("x[1].yaml", text)

    assert [(each.rule, each.reason, each.on) for each in found] == [(rule, reason, (on,)) for rule in rules]
    assert all(each.covers(replace(FINDING, path="x[1].yaml", line=on)) for each in found if each.rule == "H105")
    assert not any(each.covers(replace(FINDING, path="x1.yaml", line=on)) for each in found)


@pytest.mark.parametrize(
    "text", ["a: '#aegisgen: ignored'\n", "# aegisgen: check\n", "b: c\n", "a: b#aegisgen: ignore[H105] x\n"]
)
def test_what_only_looks_like_one_is_no_ignore(text: str) -> None:
    assert commented("x.yaml", text) == []


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ('aegisgen.dev/ignore: "H105 it is short"', []),
        ('aegisgen.dev/ignore: "H105: it is short"', []),
        ('aegisgen.dev/ignore: "H105, H106 it is short"', ["C602"]),
        ('aegisgen.dev/ignore: "H106 unused; H105 it is short"', ["C602"]),
        ("aegisgen.dev/ignore: H105", ["C601", "H105"]),
        ('aegisgen.dev/ignore: "H999 no such rule"', ["C603", "H105"]),
        ('aegisgen.dev/other: "H105 it is short"', ["H105"]),
    ],
)
def test_an_annotation_ignores_findings_of_its_resource(annotation: str, expected: list[str]) -> None:
    context = context_of_example(HOOK.format(annotation=annotation))

    found = settle(check(context), annotated(context))

    assert sorted(finding.rule for finding in found) == expected


def test_the_severity_of_a_rule_can_be_changed_and_the_rule_switched_off() -> None:
    context = context_of_example(HOOK.format(annotation="a: b"))

    def severities(**changed: Severity | None) -> list[Severity]:
        return [each.severity for each in check(replace(context, settings=Settings(severities=changed)))]

    assert severities() == [Severity.WARNING]
    assert severities(H105=Severity.ERROR) == [Severity.ERROR]
    assert severities(H105=None) == []


def test_a_baseline_knows_its_findings_again_when_lines_shift() -> None:
    baseline = read_baseline(write_baseline([OTHER, FINDING]), "baseline.json")

    moved = [replace(FINDING, line=70, column=1), replace(OTHER, line=1)]

    assert settle(moved, [], baseline=baseline) == []


def test_a_baseline_knows_a_finding_as_often_as_it_was_there() -> None:
    baseline = read_baseline(write_baseline([FINDING]), "baseline.json")

    twice = [FINDING, replace(FINDING, line=20)]

    assert settle(twice, [], baseline=baseline) == [twice[1]]


@pytest.mark.parametrize("field", ["rule", "path", "resource", "message"])
def test_a_fingerprint_tells_findings_apart(field: str) -> None:
    assert fingerprint(replace(FINDING, **{field: "x"})) != fingerprint(FINDING)


def test_a_baseline_file_is_the_same_whatever_the_order_of_findings() -> None:
    assert write_baseline([FINDING, OTHER]) == write_baseline([OTHER, FINDING])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 2}', '{"version": 1, "findings": [{}]}', "[" * 100_000])
def test_a_file_that_is_no_baseline_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match=r"baseline\.json:1:1"):
        read_baseline(text, "baseline.json")
