"""kubeconform agrees with the first engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.schemas.cases import CASES, mutants
from tests.tools import need

from aegisgen.errors import UsageError
from aegisgen.kube import kubeconform
from aegisgen.kube.schemas import DEFAULT_VERSION, VERSIONS, violations
from aegisgen.yaml.source import Document

POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a"}]}}

need("kubeconform")
pytestmark = pytest.mark.tools


def document(data: object) -> Document:
    return Document("manifest.yaml", 1, "", data)


def ask(*data: object, version: str = DEFAULT_VERSION) -> list[Any]:
    return kubeconform.run([document(item) for item in data], version=version)


def test_it_finds_in_the_table_what_the_table_says():
    for case, found in zip(CASES, ask(*(case.data for case in CASES)), strict=True):
        assert found == case.violations, case.name


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_it_reads_the_schemas_of_other_versions(version):
    data = [case.data for case in CASES]
    assert ask(*data, version=version) == [violations(item, version=version) for item in data]


@settings(max_examples=10)
@given(data=st.lists(mutants(), min_size=20, max_size=40))
def test_it_agrees_with_the_first_engine_on_mutants(data):
    assert ask(*data) == [violations(item, version=DEFAULT_VERSION) for item in data]


def test_answers_come_in_the_order_of_the_documents():
    data = [{**POD, f"field{number}": 1} if number % 3 else POD for number in range(50)]
    expected = [[((f"field{number}",), "unknown field")] if number % 3 else [] for number in range(50)]
    assert kubeconform.run([document(item) for item in data], version="1.34", jobs=8) == expected


def test_what_has_no_schema_is_not_judged():
    assert ask({"apiVersion": "example.org/v1", "kind": "Thing"}, POD, None, [], "text", {"kind": "Pod"}) == [
        None,
        [],
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    "labels",
    [
        {"a": "\x7f\x85\xa0\u2028\u2029\ufeff\uffff\U0001f600\\ud83d \\\" ' \n---\n"},
        {"a": 1, "\x7f\u2028\U0001f600 ' - at '/spec': got string, want integer": 1},
        {"it's \\' \\\\ \" \n\t\x00\x1b": []},
        {"~0~1/": 3, "0": 3, "": 3, "+7": 3},
    ],
)
def test_strange_text_survives_the_way_there_and_back(labels, monkeypatch):
    data = {**POD, "metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": labels}]}}
    expected = violations(data, version=DEFAULT_VERSION)
    monkeypatch.delattr(kubeconform, "judge")  # the first opinion must not stand in for kubeconform's
    assert ask(data) == [expected]


@pytest.mark.parametrize("metadata", [{"labels": {"k" * 2000: 1}}, {"name": ["a"], "lables": {}}, "text"])
def test_what_its_reader_gives_up_on_gets_the_first_opinion(metadata):
    data = {**POD, "metadata": metadata}
    assert ask(data, POD) == [violations(data, version=DEFAULT_VERSION), []]


@pytest.mark.parametrize("value", [float("inf"), "\ud800", 10**400])
def test_what_cannot_be_written_as_json_gets_the_first_opinion(value):
    items = {"apiVersion": "v1", "kind": "List", "items": [{**POD, "metadata": {"name": value}}, POD]}
    for data in ({**POD, "metadata": {"labels": {"a": value}}}, items):
        (found,) = ask(data)
        assert found == violations(data, version=DEFAULT_VERSION)
        assert len(found) == 1


def test_the_items_of_a_list_are_judged_and_so_is_its_envelope():
    data = {"apiVersion": "v1", "kind": "List", "itms": 1, "items": [POD, {**POD, "spec": {}}, 3]}
    assert ask(data, POD) == [violations(data, version=DEFAULT_VERSION), []]
    assert len(ask(data)[0]) == 3


def test_an_unknown_kubernetes_version_is_refused():
    with pytest.raises(UsageError, match="1\\.99"):
        ask(POD, version="1.99")
