"""Which files make a build, and which of them nobody uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.manifests import read
from tests.trees import put

from aegisgen.kube.overlay import read_overlay
from aegisgen.kube.resource import Resource
from aegisgen.rules.builds import Build, Deployments, directory_contexts, overlay_context
from aegisgen.rules.check import check
from aegisgen.rules.neighbours import HEADER, generated_beside

OBJECT = "apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n"


def resource(source: str, kind: str, name: str, more: str = "") -> Resource:
    (found,) = read(OBJECT.format(kind=kind, name=name) + more, source)
    return found


def test_a_generated_file_beside_a_kustomization_that_does_not_name_it_is_found(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": "resources: [used.yaml]\npatches: [{path: patch.yaml, target: {kind: Secret}}]\n",
        "used.yaml": f"{HEADER}\n" + OBJECT.format(kind="Secret", name="a"),
        "patch.yaml": f"{HEADER}\n" + OBJECT.format(kind="Secret", name="a"),
        "orphan.yaml": f"{HEADER}\n" + OBJECT.format(kind="Secret", name="b"),
        "other.yaml": OBJECT.format(kind="Secret", name="c"),
    }
    put(tmp_path, files)
    (tmp_path / "folder.yaml").mkdir()
    overlay = read_overlay(tmp_path)

    generated = generated_beside(overlay)
    context = overlay_context(Build(overlay, (), generated))

    assert [path.rpartition("/")[2] for path in generated] == ["orphan.yaml", "patch.yaml", "used.yaml"]
    assert [(finding.rule, finding.path) for finding in check(context)] == [
        ("G307", (tmp_path / "orphan.yaml").as_posix())
    ]


def test_the_manifests_of_a_directory_are_one_build() -> None:
    found = directory_contexts(
        [resource("d/a.yaml", "Secret", "a"), resource("d/b.yaml", "Secret", "b"), resource("c.yaml", "Secret", "a")],
        Deployments(),
    )

    assert [len(context.resources) for context in found] == [2, 1]


def test_files_that_hold_the_same_object_are_builds_of_their_own() -> None:
    found = directory_contexts(
        [resource("d/a.yaml", "Secret", "a"), resource("d/b.yaml", "Secret", "a")], Deployments()
    )

    assert [len(context.resources) for context in found] == [1, 1]


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("x/overlays/api", [0, 1, 2]),
        ("overlays/api", [0, 1, 2]),
        ("./overlays/web/", [1]),
        ("api", [0, 1, 2]),
        ("b/api", [2]),
        ("i", []),
        (".", []),
    ],
)
def test_an_application_is_known_by_the_end_of_its_path(directory: str, expected: list[int]) -> None:
    specs = [
        "source: {path: overlays/api}",
        "sources: [{path: overlays/web}, {path: overlays/api/}]",
        "source: {path: api}",
    ]
    applications = [resource("a.yaml", "Application", "a", f"spec: {{{spec}}}\n") for spec in specs]

    found = Deployments(applications).of(directory, "nothing", directory)

    assert [applications.index(each) for each in found] == expected
