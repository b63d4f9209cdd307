"""A build in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from aegisgen.errors import Finding, Severity
from aegisgen.kube.kustomization import Place
from aegisgen.kube.origin import origin_of
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, sequence
from aegisgen.rules.context import Context
from aegisgen.rules.rule import Hit, Path, Rule, Scope

EVERY = frozenset(Scope)


def check(context: Context, scopes: Collection[Scope] = EVERY) -> list[Finding]:
    """Return what the rules of some scopes find in one build, sorted; ignores and baseline are for `ignores.settle`.

    A finding in a composed object points to the line of the overlay or base that made it so.
    """
    severities = context.settings.severities
    findings = []
    for rule in _applicable(context):
        if rule.scope not in scopes:
            continue
        severity = severities.get(rule.id, rule.severity)
        if rule.check is not None and severity is not None:
            findings += [finding_of(rule, severity, hit, context) for hit in rule.check(context)]
    return sorted(set(findings))


def _applicable(context: Context) -> Iterable[Rule]:
    """Without objects only the family that looks at files has anything to look at; the others cost time to import."""
    if not context.resources and not context.applications:
        from aegisgen.rules import agreement  # noqa: PLC0415

        return agreement.RULES
    from aegisgen.rules.table import RULES  # noqa: PLC0415

    return RULES.values()


def place_in(context: Context, resource: Resource, path: Path) -> Place:
    """Return where a field of a resource was written: in a base, in an overlay, or where the resource stands."""
    if context.overlay is not None:
        origin = origin_of(context.overlay, resource, path)
        if origin is not None:
            return origin
        if resource.document.source == context.overlay.directory and context.overlay.kustomizations:
            return Place(context.overlay.kustomizations[0])  # composed, but from something that cannot be seen
    return Place(resource.document, (*_way_to(resource), *path))


def finding_of(rule: Rule, severity: Severity, hit: Hit, context: Context) -> Finding:
    """Return what is said of a place where a rule is broken."""
    place = hit.place or (place_in(context, hit.resource, hit.path) if hit.resource else None)
    line, column = place.position if place else (0, 0)
    return Finding(
        path=place.source if place else "",
        line=line,
        column=column,
        rule=rule.id,
        severity=severity,
        message=hit.message,
        resource=str(hit.resource.identity) if hit.resource else "",
        fix=hit.fix or rule.text.fix,
    )


def _way_to(resource: Resource) -> Path:
    """Return the way from the top of a document to the resource: an item of a List stands further down."""
    if resource.document.data is resource.data:
        return ()
    items = sequence(mapping(resource.document.data).get("items"))
    return next((("items", index) for index, item in enumerate(items) if item is resource.data), ())
