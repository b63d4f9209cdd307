"""The rules, applied to what was read and composed; where nothing is composed, to what an overlay's files say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aegisgen.errors import CompositionError, Finding, Severity
from aegisgen.kube.compose import Composition
from aegisgen.kube.overlay import Member, Overlay
from aegisgen.kube.resource import Resource, resources_in
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.profile.sources import ProjectSource
from aegisgen.profile.stated import Stated
from aegisgen.proof.manifests import Verdict
from aegisgen.proof.overlays import Built
from aegisgen.proof.stated import untrue
from aegisgen.rules.builds import Build, Deployments, directory_contexts, overlay_context
from aegisgen.rules.check import EVERY, check
from aegisgen.rules.context import Context, Settings, context_of
from aegisgen.rules.ignores import Ignore, annotated
from aegisgen.rules.neighbours import generated_beside
from aegisgen.rules.rule import Scope
from aegisgen.yaml.source import Document


def judge_overlay(
    built: Built, applications: Sequence[Resource], settings: Settings, stated: Stated | None = None
) -> Verdict:
    """Apply the rules to an overlay as composed; one that was not composed is judged by its files.

    Lost patches and the like need no Kustomize. `applications` are those that deploy the overlay, and `stated` is what
    its profile states.
    """
    build = Build(built.overlay, tuple(composed(built)), generated_beside(built.overlay))
    contexts = [(overlay_context(build, applications, settings), EVERY)]
    if not isinstance(built.composition, Composition):
        contexts += written(built.overlay, settings)
    stated_findings = untrue(contexts[0][0], stated) if stated and _judged(built) else []
    return Verdict(
        [*(finding for context, scopes in contexts for finding in check(context, scopes)), *stated_findings],
        [ignore for context, _ in contexts for ignore in annotated(context)],
    )


def _judged(built: Built) -> bool:
    """Whether the overlay was composed, or was not to be: what does not compose states nothing."""
    return not isinstance(built.composition, CompositionError)


def judge_manifests(manifests: Iterable[Resource], deployments: Deployments, settings: Settings) -> Verdict:
    """Apply the rules to manifests that belong to no overlay, directory by directory; these are whole ones."""
    found = list(directory_contexts(manifests, deployments, settings))
    return Verdict(
        [finding for context in found for finding in check(context)],
        [ignore for context in found for ignore in annotated(context)],
    )


def judge_part(manifests: Iterable[Resource], settings: Settings) -> Verdict:
    """Apply the rules that look at one object at a time, to manifests of one directory."""
    context = context_of(manifests, settings=settings, whole=False)
    return Verdict(check(context, EVERY - {Scope.WHOLE}), annotated(context))


def judge_together(manifests: Iterable[Resource], deployments: Deployments, settings: Settings) -> list[Finding]:
    """Apply the rules that `judge_part` has left out, to all manifests of a directory, as `parts.distant` has them."""
    found = directory_contexts(manifests, deployments, settings)
    return [finding for context in found for finding in check(context, {Scope.WHOLE})]


def composed(built: Built) -> list[Resource]:
    """Return the objects that an overlay composes to."""
    documents = built.composition.documents if isinstance(built.composition, Composition) else ()
    return resources_in(documents)


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
