"""What kubeconform says wrong is an error, not a verdict; a script stands in for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aegisgen.errors import ToolError
from aegisgen.kube import kubeconform
from aegisgen.kube.schemas import DEFAULT_VERSION
from aegisgen.yaml.source import Document

POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a"}]}}


def document(data: object) -> Document:
    return Document("manifest.yaml", 1, "", data)


def ask(*data: object, version: str = DEFAULT_VERSION) -> list[Any]:
    return kubeconform.run([document(item) for item in data], version=version)


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
