"""From a composed object back to the line that somebody wrote."""

from __future__ import annotations

import pytest
from tests.conftest import ROOT

from aegisgen.kube.origin import origin_of
from aegisgen.kube.overlay import overlay_of
from aegisgen.kube.resource import resources_in
from aegisgen.yaml.source import parse

FOLDER = ROOT / "tests/fixtures/origin"
FILES = {file.relative_to(FOLDER).as_posix(): file.read_bytes() for file in FOLDER.glob("*/*.yaml")}
# What Kustomize makes of them.
COMPOSED = resources_in(parse((FOLDER / "composed.yaml").read_text(), "over"))
POD = ("spec", "template", "spec")


@pytest.mark.parametrize(
    ("number", "path", "place"),
    [
        (0, (), "base/api.yaml:1:1"),
        (0, ("metadata",), "base/api.yaml:3:1"),
        (0, ("spec",), "base/api.yaml:5:1"),
        (0, ("spec", "replicas"), "over/kustomization.yaml:43:5"),
        (0, ("spec", "minReadySeconds"), "over/kustomization.yaml:14:9"),
        (0, ("spec", "paused"), "over/kustomization.yaml:24:9"),
        (0, ("spec", "revisionHistoryLimit"), "over/kustomization.yaml:26:"),
        (0, ("spec", "progressDeadlineSeconds"), "base/api.yaml:5:1"),
        (0, (*POD, "initContainers"), "over/patch.yaml:8:7"),
        (0, (*POD, "initContainers", 0), "over/patch.yaml:9:11"),
        (0, (*POD, "initContainers", 0, "image"), "over/kustomization.yaml:40:5"),
        (0, (*POD, "initContainers", 0, "resources"), "over/patch.yaml:9:11"),
        (0, (*POD, "containers"), "base/api.yaml:10:7"),
        (0, (*POD, "containers", 0), "base/api.yaml:13:11"),
        (0, (*POD, "containers", 0, "image"), "over/kustomization.yaml:40:5"),
        (0, (*POD, "containers", 0, "env", 0, "value"), "over/patch.yaml:15:15"),
        (0, (*POD, "containers", 0, "env", 1, "value"), "base/api.yaml:17:15"),
        (0, (*POD, "containers", 0, "volumeMounts", 0, "readOnly"), "base/api.yaml:22:42"),
        (0, (*POD, "containers", 1, "image"), "base/api.yaml:12:11"),
        (0, (*POD, "containers", 2, "image"), "over/kustomization.yaml:21:11"),
        (1, ("data", "HOST"), "over/kustomization.yaml:31:9"),
        (1, ("data", "PORT"), "base/config.yaml:7:3"),
        (2, (), "over/kustomization.yaml:32:5"),
        (2, ("data", "KEY"), "over/kustomization.yaml:34:9"),
        (2, ("data", "app.ini"), "over/kustomization.yaml:36:9"),
        (2, ("data", "other.ini"), "over/kustomization.yaml:37:9"),
        (2, ("data", "gone"), "over/kustomization.yaml:32:5"),
    ],
)
def test_a_field_leads_to_the_line_that_sets_it(number: int, path: tuple[str | int, ...], place: str) -> None:
    overlay = overlay_of(FILES.get, "over")

    origin = origin_of(overlay, COMPOSED[number], path)

    assert origin is not None
    found = ":".join(map(str, (origin.source, *origin.position)))
    assert found.startswith(place)


def test_an_object_that_no_file_explains_has_no_origin() -> None:
    overlay = overlay_of(FILES.get, "over")

    assert origin_of(overlay, COMPOSED[3], ("metadata", "name")) is None
