"""The rules, applied to everything that was read and composed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aegisgen.findings import Severity
from aegisgen.kube.compose import Composition
from aegisgen.kube.resource import Resource, identify
from aegisgen.rules.builds import Build, contexts
from aegisgen.rules.check import check
from aegisgen.rules.context import Settings
from aegisgen.rules.ignores import Ignore, annotated
from aegisgen.rules.neighbours import generated_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aegisgen.findings import Finding
    from aegisgen.profile.load import ProjectSource
    from aegisgen.proof.manifests import Piece
    from aegisgen.proof.overlays import Built


class Verdict(NamedTuple):
    """What the rules found, and what the resources themselves say is to be ignored."""

    findings: list[Finding]
    ignores: list[Ignore]


def judge(built: Sequence[Built], loose: Sequence[Piece], settings: Settings) -> Verdict:
    """Apply the rules to every overlay as composed, and to the manifests that belong to no overlay, by folder.

    An overlay that was not composed is judged by its files: lost patches and the like need no Kustomize.
    """
    builds = [Build(each.overlay, _composed(each), generated_beside(each.overlay)) for each in built]
    standing = [resource for piece in loose if not piece.patch and isinstance(resource := piece.object(), Resource)]
    found = contexts(builds, standing, settings)
    return Verdict(
        [finding for context in found for finding in check(context)],
        [ignore for context in found for ignore in annotated(context)],
    )


def settings_of(project: ProjectSource | None, version: str) -> Settings:
    """Return what a project decides about the rules."""
    if project is None:
        return Settings(kubernetes_version=version)
    rules = project.value.rules
    severities = {
        rule: None if severity == "disabled" else Severity(severity) for rule, severity in rules.severity.items()
    }
    return Settings(version, rules.pod_security, severities)


def project_ignores(project: ProjectSource | None) -> Iterator[Ignore]:
    """Yield the ignores of a project file, with their places."""
    if project is None:
        return
    for index, entry in enumerate(project.value.rules.ignore):
        line, column = project.document.position(("rules", "ignore", index))
        yield Ignore(entry.rule, entry.reason, project.document.source, line, column, entry.resource, entry.path)


def _composed(built: Built) -> tuple[Resource, ...]:
    documents = built.composition.documents if isinstance(built.composition, Composition) else ()
    return tuple(resource for document in documents if isinstance(resource := identify(document), Resource))
