"""kubeconform agrees with the first engine, and what it says wrong is an error, not a verdict."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tools import INSTALL, available

from aegisgen.errors import ToolError, UsageError
from aegisgen.kube import kubeconform
from aegisgen.kube.schemas import DEFAULT_VERSION, VERSIONS, violations
from aegisgen.yaml.source import Document

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = runpy.run_path(str(Path(__file__).parents[1] / "fixtures" / "schemas" / "cases.py"))
CASES = TABLE["CASES"]
POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a"}]}}

needs_kubeconform = [
    pytest.mark.tools,
    pytest.mark.skipif(
        not available(["kubeconform"]), reason=f"kubeconform not found, install it with: {INSTALL['kubeconform']}"
    ),
]


def document(data: object) -> Document:
    return Document("manifest.yaml", 1, "", data)


def ask(*data: object, version: str = DEFAULT_VERSION) -> list[Any]:
    return kubeconform.run([document(item) for item in data], version=version)


class TestWithKubeconform:
    pytestmark = needs_kubeconform

    def test_it_finds_in_the_table_what_the_table_says(self):
        for case, found in zip(CASES, ask(*(case.data for case in CASES)), strict=True):
            assert found == case.violations, case.name

    @pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
    def test_it_reads_the_schemas_of_other_versions(self, version):
        data = [case.data for case in CASES]
        assert ask(*data, version=version) == [violations(item, version=version) for item in data]

    @settings(max_examples=10)
    @given(data=st.lists(TABLE["mutants"](), min_size=20, max_size=40))
    def test_it_agrees_with_the_first_engine_on_mutants(self, data):
        assert ask(*data) == [violations(item, version=DEFAULT_VERSION) for item in data]

    def test_answers_come_in_the_order_of_the_documents(self):
        data = [{**POD, f"field{number}": 1} if number % 3 else POD for number in range(50)]
        expected = [[((f"field{number}",), "unknown field")] if number % 3 else [] for number in range(50)]
        assert kubeconform.run([document(item) for item in data], version="1.34", jobs=8) == expected

    def test_what_has_no_schema_is_not_judged(self):
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
    def test_strange_text_survives_the_way_there_and_back(self, labels, monkeypatch):
        data = {**POD, "metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": labels}]}}
        expected = violations(data, version=DEFAULT_VERSION)
        monkeypatch.delattr(kubeconform, "judge")  # the first opinion must not stand in for kubeconform's
        assert ask(data) == [expected]

    @pytest.mark.parametrize("metadata", [{"labels": {"k" * 2000: 1}}, {"name": ["a"], "lables": {}}, "text"])
    def test_what_its_reader_gives_up_on_gets_the_first_opinion(self, metadata):
        data = {**POD, "metadata": metadata}
        assert ask(data, POD) == [violations(data, version=DEFAULT_VERSION), []]

    @pytest.mark.parametrize("value", [float("inf"), "\ud800", 10**400])
    def test_what_cannot_be_written_as_json_gets_the_first_opinion(self, value):
        items = {"apiVersion": "v1", "kind": "List", "items": [{**POD, "metadata": {"name": value}}, POD]}
        for data in ({**POD, "metadata": {"labels": {"a": value}}}, items):
            (found,) = ask(data)
            assert found == violations(data, version=DEFAULT_VERSION)
            assert len(found) == 1

    def test_the_items_of_a_list_are_judged_and_so_is_its_envelope(self):
        data = {"apiVersion": "v1", "kind": "List", "itms": 1, "items": [POD, {**POD, "spec": {}}, 3]}
        assert ask(data, POD) == [violations(data, version=DEFAULT_VERSION), []]
        assert len(ask(data)[0]) == 3

    def test_an_unknown_kubernetes_version_is_refused(self):
        with pytest.raises(UsageError, match="1\\.99"):
            ask(POD, version="1.99")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a `kubeconform` on PATH that prints what the test wants."""
    kubeconform._check_version.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(output: str, *, version: str = "v0.7.0", before: str = "") -> None:
        tool, shell = tmp_path / "kubeconform", shutil.which("sh", path="/bin:/usr/bin")
        (tmp_path / "output").write_text(output)
        script = f'[ "$1" = -v ] && echo {version} && exit\n{before}\nwhile read -r line; do echo "$line"; done'
        tool.write_text(f"#!{shell}\n{script} < '{tmp_path}/output'\n")
        tool.chmod(0o755)

    yield install
    kubeconform._check_version.cache_clear()


def answer(status: str, message: str) -> str:
    resource = {"filename": "some/folder/0.yaml", "status": status, "msg": message}
    return json.dumps({"resources": [resource]}).replace("\\", "\\\\") + "\n"


def test_the_fake_tool_of_these_tests_is_believed(fake):
    fake(answer("statusValid", ""))
    assert ask(POD) == [[]]


def test_a_build_without_a_version_is_believed(fake):
    fake(answer("statusValid", ""), version="development")
    assert ask(POD) == [[]]


def test_a_missing_kubeconform_comes_with_how_to_install_it(fake):
    with pytest.raises(ToolError, match=r"kubeconform not found, install it with: go install .*@v0\.7\.0"):
        ask(POD)


def test_nothing_to_judge_needs_no_kubeconform(fake):
    assert ask({"apiVersion": "example.org/v1", "kind": "Thing"}) == [None]


@pytest.mark.parametrize("version", ["v0.6.7", "0.4.12"])
def test_an_old_kubeconform_is_refused(fake, version):
    fake(answer("statusValid", ""), version=version)
    with pytest.raises(ToolError, match=f"kubeconform {version} is too old, 0.7.0 or newer"):
        ask(POD)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "panic: nil\n",
        "[]\n",
        '{"resources": []}\n',
        '{"resources": [{"filename": "b.yaml"}]}\n',
        answer("statusSkipped", ""),
        answer("statusError", "failed downloading schema"),
        answer("statusInvalid", "For field spec: Additional property foo is not allowed"),
        answer("statusInvalid", "jsonschema validation failed with 'x' - at '/nowhere': got string, want object"),
        answer("statusInvalid", "jsonschema validation failed with 'x' and more"),
    ],
)
def test_output_that_makes_no_sense_is_an_error(fake, output):
    fake(output)
    with pytest.raises(ToolError, match="output makes no sense"):
        ask(POD)


def test_a_kubeconform_that_hangs_is_stopped(fake, monkeypatch):
    fake("", before="while :; do :; done")
    monkeypatch.setattr(kubeconform, "_TIMEOUT", 0.2)
    with pytest.raises(ToolError, match="did not finish within"):
        ask(POD)


def test_a_file_that_cannot_be_run_is_an_error(fake, tmp_path):
    (tmp_path / "kubeconform").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "kubeconform").chmod(0o755)
    with pytest.raises(ToolError, match="cannot be run"):
        ask(POD)
