"""Objects for tests: from text, from data, or from what the fixtures of Argo CD hold."""

from __future__ import annotations

from aegisgen.kube.resource import Resource, resources_in
from aegisgen.yaml.source import Document, parse
from tests.conftest import ROOT


def read(text: str, source: str = "x.yaml") -> list[Resource]:
    """Return the objects in a file's text."""
    return resources_in(parse(text, source))


def applied(name: str) -> list[Resource]:
    """Return the objects of an overlay in `tests/fixtures/argocd`."""
    return read((ROOT / f"tests/fixtures/argocd/{name}.yaml").read_text(), name)


def objects(*data: object, line: int = 1) -> list[Resource]:
    """Return mappings as objects, each of a line of its own from `line` on."""
    return resources_in(Document("x.yaml", number, "", each) for number, each in enumerate(data, start=line))
