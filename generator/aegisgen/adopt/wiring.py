"""Where a container's environment comes from, as `database`, `config` and `migrations.env` say it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from aegisgen.adopt.find import Original
from aegisgen.kube.credentials import secret_value
from aegisgen.kube.origin import member_of
from aegisgen.kube.pods import Read, reads
from aegisgen.kube.shape import mapping, sequence, text, texts
from aegisgen.record import Record

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WHOSE = r"(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG|SQL|RDS|MIGRATION|MIGRATIONS)"
# How applications call the address of a database's address, the usual names first.
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


@dataclass
class Source:
    """What a container reads of its ConfigMap or Secret; `keys` and `values` are by variable, `every`: all of it."""

    kind: str
    name: str
    keys: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    every: bool = False

    def take(self, variable: str, key: str, value: str | None) -> None:
        """Have a variable read a key, whose value may be known."""
        self.keys[variable] = key
        if value is not None:
            self.values[variable] = value


class Wiring(Record):
    """A container's environment; the sources have the names that the objects have in the base."""

    config: Source
    config_known: bool
    """The ConfigMap is part of the overlay, so that its values are known."""
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
    sources = {kind: Source(kind, _main(references, kind)) for kind in ("ConfigMap", "Secret")}
    taken = {reference.variable for reference in references} | set(literals)
    # a PreSync Job has a ConfigMap of its own, which needs a value for every key, and may hold those of any other
    own_config = original.migration.strategy == "presync-job"
    for reference in references:
        kind, name, variable, key = reference.kind, reference.name, reference.variable, reference.key
        source, known = sources[kind], keys_of(original, kind, name)
        in_own_config = kind == "ConfigMap" and own_config and known is not None
        if name != source.name and not in_own_config:
            lost.append((variable or f"{kind} {name}", f"comes from a second {kind}, {name}; profiles know one"))
        elif variable and in_own_config and key not in (known or {}):
            lost.append((variable, f"{key} is no key of {kind} {name}"))
        elif variable:
            source.take(variable, key, (known or {}).get(key))
        elif known is None:
            source.every = True
        else:
            for inner, value in known.items():
                if _VARIABLE.match(prefixed := key + inner) and prefixed not in taken:
                    source.take(prefixed, inner, value)
    config, secret = sources["ConfigMap"], sources["Secret"]
    for variable in [name for name, value in config.values.items() if secret_value(name, value)]:
        lost.append((variable, "a secret in plain text in a ConfigMap; put it into the Secret"))
        del config.values[variable], config.keys[variable]
    config_known = keys_of(original, "ConfigMap", config.name) is not None
    for source in (config, secret):
        source.name = _base_name(original, source.kind, source.name)
    return Wiring(config, config_known, secret, literals, tuple(lost))


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


def address_of(variables: list[str]) -> dict[str, str]:
    """Return which variable holds which part of the database's address, for those that are recognized."""
    address: dict[str, str] = {}
    for part, pattern in _PARTS.items():
        usual = _USUAL.get(part, "DATABASE_URL")
        matching = [name for name in variables if re.fullmatch(pattern, name, re.IGNORECASE)]
        if matching:
            address[part] = usual if usual in matching else matching[0]
    return address


def usual(part: str) -> str:
    """Return the variable that a part of the address is in unless a profile says otherwise; empty: none."""
    return _USUAL.get(part, "")


def keys_of(original: Original, kind: str, name: str) -> dict[str, str] | None:
    """Return the entries of a composed ConfigMap, or the keys of a Secret with empty values; None: not known here."""
    if kind == "ConfigMap":
        config = original.resource("ConfigMap", name)
        return texts(config.at("data")) if config else None
    for resource in original.resources:
        kind, target = resource.identity.kind, resource.identity.name
        if kind == "ExternalSecret":
            target = text(resource.at("spec", "target", "name")) or target
        if target != name:
            continue
        if kind == "Secret":
            return dict.fromkeys([*mapping(resource.at("data")), *mapping(resource.at("stringData"))], "")
        if kind == "SealedSecret":
            return dict.fromkeys(mapping(resource.at("spec", "encryptedData")), "")
        if kind == "ExternalSecret":
            entries = [text(mapping(entry).get("secretKey")) for entry in sequence(resource.at("spec", "data"))]
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
            return original.bare(member.identity.name)
    return composed
