"""One overlay's migration in the words of a profile. Pure."""

from __future__ import annotations

import posixpath
import re

from aegisgen.adopt.differences import Difference
from aegisgen.adopt.find import Original
from aegisgen.adopt.job import fit_deadline, hook_of_job, job_of, security_of
from aegisgen.adopt.tooling import tooling_of
from aegisgen.adopt.wiring import Source, Wiring, address_of, usual, wiring_of
from aegisgen.kube.kustomization import Layer, Place
from aegisgen.kube.origin import origin_of
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.record import Record
from aegisgen.rules.images import image_of
from aegisgen.tools import TOOLS

# The resources that aegisgen gives a container unless a profile says otherwise.
_RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}


class Lost(Record):
    """Something that profiles have no word for, and where it was written; `line` 0: nowhere in particular."""

    path: str
    line: int
    what: str


class Adopted(Record):
    """What an overlay amounts to; then its place in a project with the others; in the end, what differs from before."""

    original: Original
    namespace: str
    """Empty: it names none."""
    name_prefix: str
    name_suffix: str
    base: str
    """The directory with the workload, as it was read, then relative to the project; empty: the overlay itself."""
    settings: dict[str, object]
    lost: tuple[Lost, ...]
    remarks: tuple[str, ...]
    environment: str = ""
    service: str = ""
    directory: str = ""
    """Relative to the project's folder."""
    differences: tuple[Difference, ...] = ()


def infer(original: Original, packages: frozenset[str]) -> Adopted:
    """Return the settings that render an overlay's migration; `packages`: what the application depends on."""
    migration, layer = original.migration, original.overlay.layers[0]
    wiring = wiring_of(original)
    address = address_of(wiring.variables)
    tooling = tooling_of(migration.container, address, packages)
    settings: dict[str, object] = {
        "workload": _workload(original),
        "image": _image(original),
        "imagePullSecrets": _pull_secrets(original),
        "strategy": migration.strategy,
    }
    if migration.strategy == "presync-job":
        settings["hook"] = hook_of_job(migration.resource)
        settings["job"] = job_of(original)
        settings["security"] = security_of(original)
    elif migration.name != "db-migration":
        settings["initContainer"] = {"name": migration.name}
    env = {**wiring.literals, **tooling.env}
    settings["migrations"] = {**tooling.migrations, **({} if env == {"NODE_ENV": "production"} else {"env": env})}
    if migration.strategy == "presync-job":
        fit_deadline(mapping(settings["migrations"]), mapping(settings["job"]))
    settings["database"] = _database(wiring, address, text(tooling.migrations.get("tool")), migration.strategy)
    if resources := _resources(migration.container):
        settings["resources"] = resources
    if migration.strategy == "presync-job" and wiring.config_known and wiring.config.values:
        settings["config"] = dict(wiring.config.values)
    if isinstance(replicas := original.workload.at("spec", "replicas"), int) and layer.field("replicas"):
        settings["replicas"] = replicas
    lost = [_lost_line(original, line, what) for line, what in tooling.lost]
    lost += [_lost_variable(original, name, why) for name, why in wiring.lost]
    return Adopted(
        original=original,
        namespace=text(layer.field("namespace")) or original.workload.identity.namespace,
        name_prefix=text(layer.field("namePrefix")),
        name_suffix=text(layer.field("nameSuffix")),
        base=_base(original),
        settings={key: value for key, value in settings.items() if value not in ({}, [])},
        lost=tuple(lost),
        remarks=tooling.remarks,
    )


def _workload(original: Original) -> dict[str, object]:
    containers = [mapping(each) for each in sequence(original.workload.at("spec", "template", "spec", "containers"))]
    image = image_of(text(original.migration.container.get("image"))).repository
    same = [each for each in containers if image_of(text(each.get("image"))).repository == image]
    identity = original.workload.identity
    return {
        "kind": identity.kind,
        "name": original.bare(identity.name),
        "container": text((same or containers)[0].get("name")),
    }


def _image(original: Original) -> dict[str, object]:
    """Return the image under the name by which the kustomizations know it, so that they go on setting its tag.

    An image without a tag has none in the profile: written out, it would be another image of the workload too.
    """
    container = original.migration.container
    image = image_of(text(container.get("image")))
    name = image.repository
    for layer in original.overlay.layers:
        for entry in map(mapping, sequence(layer.field("images"))):
            if text(entry.get("newName")) == name:
                name = text(entry.get("name"))
    version = {"digest": image.digest} if image.digest else {"tag": image.tag} if image.tag else {}
    policy = text(container.get("imagePullPolicy"))
    is_usual = policy in {"", "IfNotPresent" if image.digest else "Always"}
    return {"name": name, **version, **({} if is_usual else {"pullPolicy": policy})}


def _pull_secrets(original: Original) -> list[str]:
    """Return the pull secrets of the migration's pod, or the workload's: they pull the same image."""
    pods = (original.migration.pod, mapping(original.workload.at("spec", "template", "spec")))
    for pod in pods:
        names = [text(mapping(each).get("name")) for each in sequence(pod.get("imagePullSecrets"))]
        if names:
            return [original.base_name("Secret", name) for name in names]
    return []


def _database(wiring: Wiring, address: dict[str, str], tool: str, strategy: str) -> dict[str, object]:
    config, secret = _source(wiring.config), _source(wiring.secret)
    if strategy == "presync-job" and wiring.config.name and not wiring.config_known:
        config["from"] = "shared"
    database: dict[str, object] = {"config": config, "secret": secret}
    env: dict[str, object] = {part: name for part, name in address.items() if name != usual(part)}
    if TOOLS[tool].needs_url:
        env.setdefault("url", "DATABASE_URL")
    if env and not TOOLS[tool].jdbc:
        database["env"] = env
    return database


def _source(source: Source) -> dict[str, object]:
    fields: dict[str, object] = {"name": source.name} if source.name else {}
    fields["keys"] = list(source.keys)
    if rename := {variable: key for variable, key in source.keys.items() if variable != key}:
        fields["rename"] = rename
    return fields | ({"every": True} if source.every else {})


def _resources(container: dict[str, object]) -> dict[str, object]:
    if not mapping(container.get("resources")):
        return {}
    resources: dict[str, object] = {}
    for field, usual_amounts in _RESOURCES.items():
        given = mapping(value_at(container, ("resources", field)))
        amounts = {name: str(value) for name, value in given.items() if name in usual_amounts}
        if amounts != usual_amounts:
            resources[field] = amounts
    return resources


def _base(original: Original) -> str:
    member = original.member(original.workload)
    if member is None:
        return ""
    for layer in original.overlay.layers[1:]:
        own = [each.source for each in layer.resources if isinstance(each, Place)]
        if member.place.source in own:
            return _outermost(original, layer)
    return ""


def _outermost(original: Original, layer: Layer) -> str:
    """Return the base that the overlay itself names, which may build upon another."""
    for direct in original.overlay.layers[0].resources:
        if isinstance(direct, Layer) and (direct is layer or layer in _below(direct)):
            return posixpath.normpath(direct.directory)
    return posixpath.normpath(layer.directory)


def _below(layer: Layer) -> list[Layer]:
    inner = [each for each in (*layer.resources, *layer.components) if isinstance(each, Layer)]
    return [*inner, *(deeper for each in inner for deeper in _below(each))]


def _container_path(original: Original) -> tuple[str | int, ...]:
    return ("spec", "template", "spec", original.migration.field, original.migration.place)


def _lost_line(original: Original, line: int, what: str) -> Lost:
    """Place something at its line of the script, which stands in a block of its file."""
    path = _container_path(original)
    for field in ("command", "args"):
        words = sequence(original.migration.container.get(field))
        for index in range(len(words) - 1, -1, -1):
            place = origin_of(original.overlay, original.migration.resource, (*path, field, index))
            if place and len(text(words[index]).split("\n")) > line:
                # a block scalar's text begins on the line after its `|`
                first = place.position[0] + (1 if "\n" in text(words[index]) else 0)
                return Lost(place.source, first + line, what)
    return Lost(_file(original), 0, what)


def _lost_variable(original: Original, name: str, why: str) -> Lost:
    entries = [mapping(entry) for entry in sequence(original.migration.container.get("env"))]
    path = next((("env", at) for at, entry in enumerate(entries) if entry.get("name") == name), ())
    place = origin_of(original.overlay, original.migration.resource, (*_container_path(original), *path))
    return Lost(place.source if place else _file(original), place.position[0] if place else 0, f"{name}: {why}")


def _file(original: Original) -> str:
    member = original.member(original.migration.resource)
    return member.place.source if member else original.directory.as_posix()


def label(name: str) -> str:
    """Return what of a name can be a DNS-1123 label."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-")
