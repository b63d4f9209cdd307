"""Whether what a profile states comes out of its overlay, whatever patches, components and bases do."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Finding, Severity
from aegisgen.kube.credentials import shown
from aegisgen.kube.kustomization import Place
from aegisgen.kube.origin import member_of, unhashed
from aegisgen.kube.overlay import Member, Overlay
from aegisgen.kube.resource import Resource, value_at
from aegisgen.kube.shape import mapping, sequence, text, texts
from aegisgen.profile.stated import Stated
from aegisgen.record import replace
from aegisgen.rules.check import finding_of, place_in
from aegisgen.rules.context import Context
from aegisgen.rules.drift import UNTRUE
from aegisgen.rules.images import image_of
from aegisgen.rules.references import Container, Pod
from aegisgen.rules.rule import Hit


def untrue(context: Context, stated: Stated) -> list[Finding]:
    """Return where what comes out is not what the profile states, each at the line that makes it so.

    Without composed objects only what the files tell by themselves is judged.
    """
    stated = _with_names_of(context.overlay, stated)
    hits = _composed(context, stated) if context.resources else _written(context.overlay, stated)
    severity = context.settings.severities.get(UNTRUE.id, Severity.ERROR)
    if severity is None:
        return []
    return [finding_of(UNTRUE, severity, _at_cause(context, stated, hit), context) for hit in hits]


def _at_cause(context: Context, stated: Stated, hit: Hit) -> Hit:
    """Return the hit at what made it so: a patch's operation, or a transformer where the file's value is another."""
    overlay = context.overlay
    if overlay is None or hit.resource is None:
        return hit
    written = place_in(context, hit.resource, hit.path)
    name = stated.composed(stated.workload)
    member = member_of(overlay, hit.resource.identity) or _member(overlay, stated.kind, name)
    for change in reversed(member.changes if member else ()):
        if change.kind not in {"operations", "strategic"} or change.place.document is written.document:
            continue
        listed = sequence(value_at(change.place.value, hit.path))
        if any("$patch" in mapping(item) for item in listed):  # it takes away what the list had
            return replace(hit, place=Place(change.place.document, (*change.place.path, *hit.path)))
        for number, operation in reversed(list(enumerate(sequence(change.place.value)))):
            if _touches(text(mapping(operation).get("path")).split("/")[1:], hit.path):
                return replace(hit, place=Place(change.place.document, (number,)))
    transformed = [
        Place(layer.kustomization, ("transformers", 0)) for layer in overlay.layers if layer.field("transformers")
    ]
    same_field = written.path[-1:] in {hit.path[-1:], ("count",)} and isinstance(written.value, str | int)
    if transformed and same_field and written.value != hit.resource.at(*hit.path):
        return replace(hit, place=transformed[0])
    return hit


def _touches(pointer: list[str], path: tuple[str | int, ...]) -> bool:
    """Whether an operation changes the field at `path`, what it is in, or the name of one of its items."""
    below = pointer[len(path) :]
    same = all(own == str(part) for own, part in zip(pointer, path, strict=False))
    return same and (len(below) <= 1 or below[-1] == "name")


def _member(overlay: Overlay, kind: str, name: str) -> Member | None:
    return next(
        (member for member in overlay.members if (member.identity.kind, member.identity.name) == (kind, name)), None
    )


def _with_names_of(overlay: Overlay | None, stated: Stated) -> Stated:
    """Return what is stated, with the file's own prefix and suffix where the profile leaves them to it."""
    if overlay is None or not overlay.layers:
        return stated
    own = overlay.layers[0]
    return replace(
        stated,
        name_prefix=stated.name_prefix or text(own.field("namePrefix")),
        name_suffix=stated.name_suffix or text(own.field("nameSuffix")),
    )


def _composed(context: Context, stated: Stated) -> Iterator[Hit]:
    workload = _pod(context, stated.kind, stated.composed(stated.workload))
    if workload is None:
        yield _lacking(context, stated)
        return
    yield from _namespace(workload.resource, stated)
    yield from _replicas(workload.resource, stated)
    yield from _container(context.overlay, workload, stated, stated.container)
    yield from _overridden(workload, stated, stated.container)
    yield from _config(context, stated.config_name, dict(stated.config), stated)
    migrating = _pod(context, "Job", stated.composed(stated.job)) if stated.job else workload
    if migrating is None:
        names = f"Job {stated.composed(stated.job)}"
        yield Hit(f"no {names} comes out, which migrates", place=_root(context.overlay))
        return
    yield from _container(context.overlay, migrating, stated, stated.migration)
    yield from _migration_config(context, migrating, stated)
    if stated.job:
        yield from _namespace(migrating.resource, stated)
        yield from _pull_secrets(migrating, stated)


def _pod(context: Context, kind: str, name: str) -> Pod | None:
    """Return an object that has pods, by its composed name."""
    return next(
        (pod for pod in context.pods if (pod.resource.identity.kind, pod.resource.identity.name) == (kind, name)), None
    )


def _root(overlay: Overlay | None) -> Place | None:
    return Place(overlay.kustomizations[0], ("resources",)) if overlay and overlay.kustomizations else None


def _lacking(context: Context, stated: Stated) -> Hit:
    others = [pod.resource for pod in context.pods if pod.resource.identity.kind == stated.kind]
    near = f"; what comes out is {', '.join(str(other.identity) for other in others)}" if others else ""
    message = f"no {stated.kind} {stated.composed(stated.workload)} comes out, which the profile states{near}"
    if len(others) == 1:
        return Hit(message, others[0], ("metadata", "name"))
    return Hit(message, place=_root(context.overlay))


def _differs(what: str, out: object, wanted: object) -> str:
    name = what.partition(" ")[0]
    given = "not set" if out is None else shown(name, out)
    return f"{what} is {given}, the profile states {shown(name, wanted)}"


def _namespace(resource: Resource, stated: Stated) -> Iterator[Hit]:
    if stated.namespace and resource.identity.namespace != stated.namespace:
        message = _differs("the namespace", resource.identity.namespace or None, stated.namespace)
        yield Hit(message, resource, ("metadata", "namespace"))


def _replicas(resource: Resource, stated: Stated) -> Iterator[Hit]:
    count = resource.at("spec", "replicas")
    if (
        stated.replicas is not None
        and stated.kind != "DaemonSet"
        and (1 if count is None else count) != stated.replicas
    ):
        yield Hit(_differs("replicas", count, stated.replicas), resource, ("spec", "replicas"))


def _container(overlay: Overlay | None, pod: Pod, stated: Stated, name: str) -> Iterator[Hit]:
    container = _named(pod, name)
    if container is None:
        others = ", ".join(other.name for other in pod.containers)
        message = f"{pod.resource.identity} has no container {name}, which the profile states; it has {others}"
        fix = "name a container that is there, in the project file's workload.container, or undo what renamed it"
        yield Hit(message, pod.resource, (*pod.path, "containers"), fix=fix)
        return
    exact = bool(stated.tag or stated.digest)
    out = container.image if exact else image_of(container.image).repository
    names = _names(overlay, stated)
    if stated.image and out not in {replace(stated, image=name).reference for name in names}:
        message = _differs(f"the image of container {name}", container.image, stated.reference)
        yield Hit(message, pod.resource, (*container.path, "image"))


def _names(overlay: Overlay | None, stated: Stated) -> set[str]:
    """Return what the image may be called: its name, or what the overlay's own kustomization calls it instead.

    `newName` is no statement of the profile's. In a component or a base it overrides what the profile states.
    """
    entries = map(mapping, sequence(overlay.layers[0].field("images")) if overlay and overlay.layers else ())
    return {
        stated.image,
        *(text(entry.get("newName") or stated.image) for entry in entries if entry.get("name") == stated.image),
    }


def _named(pod: Pod, name: str) -> Container | None:
    return next((container for container in pod.containers if container.name == name), None)


def _overridden(pod: Pod, stated: Stated, name: str) -> Iterator[Hit]:
    """Find variables of the application that have a value of their own instead of the ConfigMap's."""
    container = _named(pod, name)
    for index, item in enumerate(sequence(container.fields.get("env")) if container else ()):
        variable, value = text(mapping(item).get("name")), mapping(item).get("value")
        if container and variable in stated.config and value is not None and value != stated.config[variable]:
            message = _differs(f"{variable} of container {name}", value, stated.config[variable])
            yield Hit(message, pod.resource, (*container.path, "env", index, "value"))


def _config(context: Context, name: str, wanted: dict[str, str], stated: Stated) -> Iterator[Hit]:
    if not wanted:
        return
    config = _config_map(context, stated.composed(name))
    if config is None:
        message = f"no ConfigMap {stated.composed(name)} comes out, for which the profile states {', '.join(wanted)}"
        yield Hit(message, place=_root(context.overlay))
        return
    data = texts(config.data.get("data"))
    for key, value in wanted.items():
        if data.get(key) != value:
            yield Hit(_differs(key, data.get(key), value), config, ("data", key))


def _config_map(context: Context, name: str) -> Resource | None:
    """Return a ConfigMap by its composed name, with or without the hash of a generator."""
    found = [
        config
        for config in context.of_kind("ConfigMap")
        if name in {config.identity.name, unhashed(config.identity.name)}
    ]
    return next(iter(found), None)


def _migration_config(context: Context, pod: Pod, stated: Stated) -> Iterator[Hit]:
    """Find variables of the migration whose value, taken from where the composed container takes it, is another."""
    container = _named(pod, stated.migration)
    entries = {text(mapping(item).get("name")): (index, mapping(item)) for index, item in _environment(container)}
    for variable, (name, key) in stated.migration_config.items():
        if container is None or (variable not in stated.config and variable not in entries):
            continue
        index, entry = entries.get(variable, (0, {}))
        path = (*container.path, "env", index) if entry else (*container.path, "env")
        source = mapping(mapping(entry.get("valueFrom")).get("configMapKeyRef"))
        config = _config_map(context, unhashed(text(source.get("name"))) or stated.composed(name))
        # Kustomize leaves the name of a ConfigMap alone that is not in the build.
        known = {stated.composed(name), *([name] if _config_map(context, stated.composed(name)) is None else [])}
        if text(source.get("key")) != key or unhashed(text(source.get("name"))) not in known:
            given = entry.get("value", f"key {source.get('key')} of {source.get('name')}" if source else None)
            message = _differs(
                f"{variable} of container {stated.migration}", given, f"key {key} of {stated.composed(name)}"
            )
            yield Hit(message, pod.resource, path)
        elif variable in stated.config and name != stated.config_name and config is not None:
            value = texts(config.data.get("data")).get(key)
            if value != stated.config[variable]:
                message = _differs(f"{variable} of container {stated.migration}", value, stated.config[variable])
                yield Hit(message, config, ("data", key))


def _environment(container: Container | None) -> Iterator[tuple[int, object]]:
    return iter(enumerate(sequence(container.fields.get("env")) if container else ()))


def _pull_secrets(pod: Pod, stated: Stated) -> Iterator[Hit]:
    secrets = [text(mapping(item).get("name")) for item in sequence(pod.spec.get("imagePullSecrets"))]
    for name in stated.pull_secrets:
        if not {name, stated.composed(name)} & set(secrets):
            message = _differs("imagePullSecrets", ", ".join(secrets) or None, name)
            yield Hit(message, pod.resource, (*pod.path, "imagePullSecrets"))


def _written(overlay: Overlay | None, stated: Stated) -> Iterator[Hit]:
    """Judge what a folder tells without Kustomize: whether workload and container are there, and images of patches."""
    if overlay is None or overlay.problems or overlay.remotes or any(layer.opaque for layer in overlay.layers):
        return
    name = stated.composed(stated.workload)
    member = _member(overlay, stated.kind, name)
    if member is None:
        message = f"no {stated.kind} {name} comes out, which the profile states"
        yield Hit(message, place=_root(overlay))
        return
    places = [member.place, *(change.place for change in member.changes if change.kind == "strategic")]
    names = set()
    # Names that the overlay's `images` make the stated one.
    entries = [mapping(item) for layer in overlay.layers for item in sequence(layer.field("images"))]
    known = {stated.image, *(text(entry.get("name")) for entry in entries if entry.get("newName") == stated.image)}
    for place in places:
        for index, item in enumerate(_containers(place.value)):
            container, image = text(mapping(item).get("name")), text(mapping(item).get("image"))
            names.add(container)
            patched = place is not member.place and container == stated.container and bool(image)
            if patched and stated.image and image_of(image).repository not in known:
                path = ("spec", "template", "spec", "containers", index, "image")
                message = _differs(f"the image of container {container}", image, stated.reference)
                yield Hit(message, place=Place(place.document, (*place.path, *path)))
    if stated.container not in names and not any(change.kind == "operations" for change in member.changes):
        message = f"{stated.kind} {name} has no container {stated.container}, which the profile states"
        yield Hit(f"{message}; it has {', '.join(sorted(names))}", place=member.place)


def _containers(data: object) -> list[object]:
    spec = mapping(mapping(mapping(mapping(data).get("spec")).get("template")).get("spec"))
    return sequence(spec.get("containers"))
