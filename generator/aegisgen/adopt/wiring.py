"""Where a container's environment comes from, as `database`, `config` and `migrations.env` say it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from aegisgen.adopt.find import Original
from aegisgen.kube.credentials import secret_value
from aegisgen.kube.origin import member_of
from aegisgen.kube.pods import Read, reads
from aegisgen.kube.shape import mapping, sequence, text, texts

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WHOSE = r"(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG|SQL|RDS|MIGRATION|MIGRATIONS)"
# How applications call the parts of a database's address, the usual names first.
_PARTS = {
    "host": rf"{_WHOSE}_?(?:HOST|HOSTNAME|SERVER)",
    "port": rf"{_WHOSE}_?PORT",
    "user": rf"{_WHOSE}_?(?:USER|USERNAME)",
    "name": rf"(?:{_WHOSE}_?(?:NAME|DBNAME|DATABASE|DB))",
    "password": rf"{_WHOSE}_?(?:PASSWORD|PASS|PASSWD)",
    "url": rf"(?:{_WHOSE}_?|SQLALCHEMY_DATABASE_)(?:URL|URI|DSN)|DATABASE_CONNECTION_STRING",
}
_USUAL = {
    "host": "DATABASE_HOST", "port": "DATABASE_PORT", "user": "DATABASE_USER", "name": "DATABASE_NAME",
    "password": "DATABASE_PASSWORD",
}  # fmt: skip


class Source(NamedTuple):
    """One ConfigMap or Secret: its name in the base, which key each variable reads, whether all of it is read."""

    name: str
    keys: dict[str, str]
    """Key by variable."""
    every: bool = False


class Wiring(NamedTuple):
    """A container's environment."""

    config: Source
    config_known: bool
    """The ConfigMap is part of the overlay, so that its values can be told."""
    values: dict[str, str]
    secret: Source
    literals: dict[str, str]
    lost: tuple[tuple[str, str], ...]
    """Variables that cannot be carried over, each with the reason. No values."""

    @property
    def variables(self) -> list[str]:
        """All variables by name."""
        return [*self.config.keys, *self.secret.keys, *self.literals]


def wiring_of(original: Original) -> Wiring:
    """Return the environment of the container that migrates."""
    # what reads every key first: single variables win over it
    references = sorted(reads(original.migration.container), key=lambda read: read.path[0] == "env")
    literals, lost = _literals(original.migration.container)
    config, secret = _Taken(_main(references, "ConfigMap")), _Taken(_main(references, "Secret"))
    taken = {reference.variable for reference in references} | set(literals)
    for reference in references:
        source = config if reference.kind == "ConfigMap" else secret
        known = keys_of(original, reference.kind, reference.name)
        fits = _fits(original, reference, source.name)
        if not fits:
            lost.append(_second(reference))
        elif reference.variable and _is_absent(original, reference, known):
            lost.append((reference.variable, f"{reference.key} is no key of {reference.kind} {reference.name}"))
        elif reference.variable:
            source.take(reference.variable, reference.key, (known or {}).get(reference.key))
        elif known is None:
            source.every = True
        else:
            for key, value in known.items():
                if _VARIABLE.match(variable := reference.key + key) and variable not in taken:
                    source.take(variable, key, value)
    for variable in [name for name, value in config.values.items() if secret_value(name, value)]:
        lost.append((variable, "a secret in plain text in a ConfigMap; put it into the Secret"))
        del config.values[variable], config.keys[variable]
    return Wiring(
        config=Source(_base_name(original, "ConfigMap", config.name), config.keys, config.every),
        config_known=keys_of(original, "ConfigMap", config.name) is not None,
        values=config.values,
        secret=Source(_base_name(original, "Secret", secret.name), secret.keys, secret.every),
        literals=literals,
        lost=tuple(lost),
    )


def _is_absent(original: Original, reference: Read, known: dict[str, str] | None) -> bool:
    """A PreSync Job's own ConfigMap needs a value for every key."""
    of_config = reference.kind == "ConfigMap" and original.migration.strategy == "presync-job"
    return of_config and known is not None and reference.key not in known


class _Taken:
    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.every = False

    def take(self, variable: str, key: str, value: str | None) -> None:
        self.keys[variable] = key
        if value is not None:
            self.values[variable] = value


def _literals(container: dict[str, object]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    literals: dict[str, str] = {}
    lost: list[tuple[str, str]] = []
    for entry in map(mapping, sequence(container.get("env"))):
        name = text(entry.get("name"))
        if "valueFrom" in entry:
            if not {"configMapKeyRef", "secretKeyRef"} & set(mapping(entry["valueFrom"])):
                lost.append((name, "comes from a field of the pod, for which profiles have no word"))
        elif secret_value(name, value := str(entry.get("value") or "")):
            lost.append((name, "a secret in plain text, which a profile must not hold; put it into the Secret"))
        else:
            literals[name] = value
    return literals, lost


def _second(reference: Read) -> tuple[str, str]:
    what = reference.variable or f"{reference.kind} {reference.name}"
    return what, f"comes from a second {reference.kind}, {reference.name}; profiles know one"


def parts_of(variables: list[str]) -> dict[str, str]:
    """Return which variable holds which part of the database's address, for those that are recognized."""
    parts: dict[str, str] = {}
    for part, pattern in _PARTS.items():
        usual = _USUAL.get(part, "DATABASE_URL")
        matching = [name for name in variables if re.fullmatch(pattern, name, re.IGNORECASE)]
        if matching:
            parts[part] = usual if usual in matching else matching[0]
    return parts


def usual(part: str) -> str:
    """Return the variable that a part of the address is in unless a profile says otherwise; empty: none."""
    return _USUAL.get(part, "")


def _fits(original: Original, reference: Read, main: str) -> bool:
    """A PreSync Job's own ConfigMap may hold values of any ConfigMap that is known."""
    if reference.name == main:
        return True
    known = reference.kind == "ConfigMap" and keys_of(original, "ConfigMap", reference.name) is not None
    return known and original.migration.strategy == "presync-job"


def keys_of(original: Original, kind: str, name: str) -> dict[str, str] | None:
    """Return the entries of a composed ConfigMap, or the keys of a Secret with empty values; None: not known here."""
    for resource in original.resources:
        identity = resource.identity
        if identity.kind == kind == "ConfigMap" and identity.name == name:
            return texts(resource.at("data"))
        if kind != "Secret":
            continue
        if identity.kind == "Secret" and identity.name == name:
            return dict.fromkeys([*mapping(resource.at("data")), *mapping(resource.at("stringData"))], "")
        if identity.kind == "SealedSecret" and identity.name == name:
            return dict.fromkeys(mapping(resource.at("spec", "encryptedData")), "")
        if identity.kind == "ExternalSecret" and (text(resource.at("spec", "target", "name")) or identity.name) == name:
            entries = [text(mapping(each).get("secretKey")) for each in sequence(resource.at("spec", "data"))]
            # what `dataFrom` brings, nobody knows
            return None if resource.at("spec", "dataFrom") else dict.fromkeys(entries, "")
    return None


def _main(references: list[Read], kind: str) -> str:
    """Return the one that most variables come from; all of one's entries are more than any number of single ones."""
    counted = Counter[str]()
    for reference in references:
        if reference.kind == kind:
            counted[reference.name] += 1 if reference.variable else 1000
    return counted.most_common(1)[0][0] if counted else ""


def _base_name(original: Original, kind: str, composed: str) -> str:
    """Return the name that an object has in the base: without prefix, suffix and hash, if it is the overlay's."""
    for resource in original.resources:
        member = member_of(original.overlay, resource.identity)
        if resource.identity.kind in {kind, "SealedSecret"} and resource.identity.name == composed and member:
            return bare(original, member.identity.name)
    return composed


def bare(original: Original, name: str) -> str:
    """Return a composed name without what the overlay's own kustomization puts before and behind it."""
    layer = original.overlay.layers[0]
    return name.removeprefix(text(layer.field("namePrefix"))).removesuffix(text(layer.field("nameSuffix")))
