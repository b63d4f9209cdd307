"""What an overlay's files say by themselves, for the rules, where nothing composes them."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.kube.overlay import Member, Overlay
from aegisgen.kube.resource import Resource, resources_in
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.rules.check import EVERY
from aegisgen.rules.context import Context, Settings, context_of
from aegisgen.rules.rule import Scope
from aegisgen.yaml.source import Document


def written(overlay: Overlay, settings: Settings) -> Iterator[tuple[Context, frozenset[Scope]]]:
    """Yield the objects and patches of an overlay as they are written, and which rules are right about them.

    The objects have the names that Kustomize gives them, so that an ignore means what it means to the composed ones.
    """
    whole = [_as_written(member) for member in overlay.members if not member.changes]
    part = [_as_written(member) for member in overlay.members if member.changes]
    for application in overlay.applications:
        part += resources_in(application.patch.content)
    yield context_of(whole, settings=settings, whole=False), EVERY - {Scope.WHOLE}
    yield context_of(part, settings=settings, whole=False), frozenset({Scope.LASTING})


def _as_written(member: Member) -> Resource:
    place = member.place
    if not member.generated:
        return Resource(member.identity, mapping(place.value), place.document)
    literals = (text(each).partition("=") for each in sequence(mapping(place.value).get("literals")))
    data = {key: value.strip("\"'") for key, _, value in literals}
    line, _ = place.document.position(place.path)
    metadata = {"name": member.identity.name}
    return Resource(member.identity, {"metadata": metadata, "data": data}, Document(place.source, line, "", None))
