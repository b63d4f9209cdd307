"""Every rule by its ID. A new family is a new module and an entry here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aegisgen.rules import agreement, applications, configuration, drift, hooks, manifests, order, security
from aegisgen.rules.rule import Rule

FAMILIES = (hooks, order, agreement, security, applications, configuration, manifests, drift)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for family in FAMILIES for rule in family.RULES})
