"""Composition by the real tool, whichever of the two is installed."""

from __future__ import annotations

import os
import select
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.tools import available, need
from tests.trees import executable

from aegisgen.errors import CompositionError, ToolError
from aegisgen.kube.compose import compose, composer, readable

DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / "tree" / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(path.name + ".yaml").write_text(text)
        return tmp_path / "tree"

    return write


@pytest.fixture(params=available(["kustomize", "kubectl"]))
def tool(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = need(request.param)
    only = tmp_path / "bin"
    only.mkdir()
    (only / request.param).symlink_to(found)
    system = [place for place in ("/usr/bin", "/bin") if not shutil.which("kustomize", path=place)]
    monkeypatch.setenv("PATH", os.pathsep.join([str(only), *system]))
    return request.param


@pytest.mark.tools
def test_a_build_gives_the_objects_and_the_warnings(tool: str, tree: Callable[..., Path]) -> None:
    root = tree(
        base__kustomization="resources: [deployment.yaml]\n",
        base__deployment=DEPLOYMENT,
        overlay__kustomization="namePrefix: staging-\nbases: [../base]\ncommonLabels: {team: a}\n",
    )

    composition = compose(root / "overlay")

    (document,) = composition.documents
    assert document.data["metadata"]["name"] == "staging-api"
    assert document.source == (root / "overlay").as_posix()
    assert [line.split(".")[0] for line in composition.warnings] == [
        "'bases' is deprecated",
        "'commonLabels' is deprecated",
    ]


@pytest.mark.tools
def test_a_kustomization_without_output_composes_to_nothing(tool: str, tree: Callable[..., Path]) -> None:
    root = tree(kustomization="resources: []\nnamePrefix: a-\n")

    assert compose(root).documents == ()


@pytest.mark.tools
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a__kustomization": "resources: [gone.yaml]\n"}, "gone.yaml does not exist"),
        ({"a__kustomization": "resources: [../b]\n", "b__kustomization": "resources: [gone.yaml]\n"}, "in ../b: gone"),
        (
            {"a__kustomization": "patches: [{path: gone.yaml}]\n"},
            "failed to get the patch file from path(gone.yaml): gone.yaml does not exist",
        ),
        ({"a__kustomization": "patches: [{path: '"}, "not valid YAML"),
        ({"a__kustomization": "wrong: 1\n"}, 'invalid Kustomization: json: unknown field "wrong"'),
        (
            {"a__kustomization": "resources: [../b]\n", "b__kustomization": "resources: [../a]\n"},
            "in ../b: cycle detected",
        ),
        ({"a__kustomization": "resources: ['https://git.invalid/x/y?ref=z']\n"}, "is not fetched"),
        ({"a__kustomization": "resources: ['git@git.invalid:x/y.git']\n"}, "is not fetched"),
        ({"a__kustomization": "resources: ['file://../b']\n"}, "is not fetched"),
        ({"a__kustomization": "resources: [../b.yaml]\n", "b": DEPLOYMENT}, "is not in or below '.'"),
        ({"a__other": ""}, "unable to find one of 'kustomization.yaml'"),
    ],
)
def test_a_refused_build_says_why_without_paths_of_the_machine(
    tool: str, tree: Callable[..., Path], files: dict[str, str], message: str
) -> None:
    root = tree(**files)

    with pytest.raises(CompositionError) as caught:
        compose(root / "a")

    problem = caught.value.problem
    assert message in problem.message
    assert str(root) not in problem.message
    assert "\n" not in problem.message
    assert problem.path.startswith((root / "a").as_posix())


def test_a_directory_that_is_not_there_is_a_composition_error(tmp_path: Path, tool: str) -> None:
    with pytest.raises(CompositionError, match="no such directory"):
        compose(tmp_path / "gone")


@pytest.mark.usefixtures("no_tools")
def test_without_either_tool_the_error_says_what_to_install(tmp_path: Path) -> None:
    assert composer() is None
    with pytest.raises(ToolError, match="kustomize not found, install it with: pip install 'aegisgen"):
        compose(tmp_path)


def _fake(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(directory / "kustomize", script)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_a_build_that_hangs_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait", monkeypatch)
    monkeypatch.setattr("aegisgen.kube.process.TIMEOUT_SECONDS", 0.5)

    with pytest.raises(ToolError, match="did not finish within"):
        compose(tmp_path)

    child = int((tmp_path / "child").read_text())
    with suppress(ProcessLookupError):  # it has ended already
        assert select.select([os.pidfd_open(child)], [], [], 30)[0]


def test_the_tool_sees_only_a_safe_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(tmp_path, f"env > {tmp_path}/seen", monkeypatch)
    monkeypatch.setenv("KUBECONFIG", "secret-config")
    monkeypatch.setenv("NO_PROXY", "*")

    compose(tmp_path)

    seen = (tmp_path / "seen").read_text()
    assert "secret-config" not in seen
    assert "NO_PROXY" not in seen
    assert "GIT_ALLOW_PROTOCOL=none" in seen


def test_unreadable_output_is_the_tools_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(tmp_path, "echo 'a: ['", monkeypatch)

    with pytest.raises(ToolError, match="cannot be read back"):
        compose(tmp_path)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("Error: no such thing\n", "no such thing"),
        ("error: no such thing\n", "no such thing"),
        ("# Warning: 'bases' is deprecated.\nError: no such thing\n", "no such thing"),
        ('E1122 11:58:55.1    1 run.go:72] "command failed" err="a \\"b\\" c"\n', 'a "b" c'),
        ('E1122 11:58:55.1    1 run.go:72] "command failed" err=<\n\ta\n\t: b\n >\n', "a : b"),
        ("", "the build failed without a message"),
    ],
)
def test_wrapping_is_cut_off_a_message(tmp_path: Path, stderr: str, message: str) -> None:
    assert readable(stderr, tmp_path) == message


@pytest.mark.parametrize(
    ("on_path", "in_wheels", "chosen"),
    [
        (["kustomize", "kubectl"], ["kubectl"], ("path/kustomize", "build")),
        (["kubectl"], ["kubectl"], ("path/kubectl", "kustomize")),
        ([], ["kubectl"], ("wheels/kubectl", "kustomize")),
        (["kubectl"], ["kustomize"], ("path/kubectl", "kustomize")),
        ([], [], None),
    ],
)
def test_what_is_on_the_path_comes_before_what_wheels_brought(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_path: list[str],
    in_wheels: list[str],
    chosen: tuple[str, str] | None,
) -> None:
    for folder, names in (("path", on_path), ("wheels", in_wheels)):
        for name in names:
            executable(tmp_path / folder / name)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr("aegisgen.bundle.WHEELS", str(tmp_path / "wheels"))

    assert composer() == (chosen and (str(tmp_path / chosen[0]), chosen[1]))
