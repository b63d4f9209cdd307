"""What is wrong with files and overlays before any rule looks at them. `aegisgen.proof` finds what they name."""

from __future__ import annotations

from aegisgen.errors import Severity
from aegisgen.rules.rule import Rule

NOT_YAML, NOT_VALID, NO_SCHEMA = "V001", "V002", "V003"
NOT_AN_OBJECT, BAD_REFERENCE, NOT_COMPOSABLE = "V004", "V005", "V006"
IN_PLAIN_TEXT = "S401"  # of the family `security`, whose import costs time

RULES = (
    Rule(NOT_YAML, "file that cannot be read", Severity.ERROR, None, ("manifests",)),
    Rule(NOT_VALID, "field that the schema forbids", Severity.ERROR, None, ("manifests", "schema")),
    Rule(NO_SCHEMA, "kind without a schema", Severity.WARNING, None, ("manifests", "schema")),
    Rule(NOT_AN_OBJECT, "not a Kubernetes object", Severity.ERROR, None, ("manifests",)),
    Rule(BAD_REFERENCE, "kustomization that names what is not there", Severity.ERROR, None, ("manifests", "kustomize")),
    Rule(NOT_COMPOSABLE, "overlay that does not compose", Severity.ERROR, None, ("manifests", "kustomize")),
)
