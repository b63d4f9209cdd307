"""Which objects a Kustomize patch target selects. Read off Kustomize 5.7's behaviour; the integration tests ask it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aegisgen.kube.resource import Identity
from aegisgen.kube.shape import mapping, text
from aegisgen.record import Record, asdict

# Kinds that Kustomize knows to live outside namespaces; everything it does not know it takes to be namespaced.
CLUSTER_SCOPED = frozenset(
    {
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
        "ComponentStatus", "CustomResourceDefinition", "FlowSchema", "IngressClass", "MutatingWebhookConfiguration",
        "Namespace", "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass",
        "SelfSubjectAccessReview", "SelfSubjectRulesReview", "StorageClass", "SubjectAccessReview", "TokenReview",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)  # fmt: skip

_REQUIREMENT = (
    r"\s*(?:(?P<absent>!)\s*(?P<none>[\w./-]+)"
    r"|(?P<key>[\w./-]+)\s*(?:(?P<set>in|notin)\s*\((?P<values>[^)]*)\)|(?P<operator>==|!=|=)\s*(?P<value>[\w./-]*))?"
    r")\s*(?:,|\Z)"
)


class Target(Record):
    """The `target` of a patch; an empty field selects everything. The first five are regular expressions."""

    group: str
    version: str
    kind: str
    name: str
    namespace: str
    labels: str
    annotations: str

    def __str__(self) -> str:
        named = [f"{field} {value}" for field, value in asdict(self).items() if value]
        return ", ".join(named) or "anything"


def target_of(value: object) -> Target | None:
    """Read the `target` of a patch entry, None where it has none."""
    if not isinstance(value, dict):
        return None
    fields = mapping(value)
    keys = ("group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector")
    return Target(*(text(fields.get(key)) for key in keys))


def selects(
    target: Target, identities: Sequence[Identity], labels: Mapping[str, str], annotations: Mapping[str, str]
) -> bool:
    """Tell whether `target` selects the object that had these identities so far, the first to the last.

    Kustomize asks the names an object was born with and those it has at present, and none in between. A pattern or
    selector that cannot be read selects everything here: Kustomize itself fails on it and says so.
    """
    first, last = identities[0], identities[-1]
    version = last.api_version.rpartition("/")[2]
    return (
        (_matches(target.namespace, namespace_of(first)) or _matches(target.namespace, namespace_of(last)))
        and (_matches(target.name, first.name) or _matches(target.name, last.name))
        and _matches(target.group, last.group)
        and _matches(target.version, version)
        and _matches(target.kind, last.kind)
        and label_selector(target.labels, labels)
        and label_selector(target.annotations, annotations)
    )


def namespace_of(identity: Identity) -> str:
    """Return the namespace that Kustomize compares: `default` where none is named."""
    if identity.kind in CLUSTER_SCOPED:
        return "_non_namespaceable_"
    return identity.namespace or "default"


def label_selector(selector: str, labels: Mapping[str, str]) -> bool:
    """Tell whether labels satisfy a selector such as `app=api,tier in (web, edge),!legacy`."""
    position = 0
    while position < len(selector):
        requirement = re.compile(_REQUIREMENT).match(selector, position)
        if not requirement:
            return True
        if not _satisfied(requirement, labels):
            return False
        position = requirement.end()
    return True


def _satisfied(requirement: re.Match[str], labels: Mapping[str, str]) -> bool:
    if requirement["absent"]:
        return requirement["none"] not in labels
    value = labels.get(requirement["key"])
    if requirement["set"]:
        listed = value in {word.strip() for word in requirement["values"].split(",")}
        return listed == (requirement["set"] == "in")
    if requirement["operator"]:
        return (value == requirement["value"]) == (requirement["operator"] != "!=")
    return value is not None


def _matches(pattern: str, value: str) -> bool:
    if not pattern:
        return True
    try:
        return re.fullmatch(f"(?:{pattern})", value) is not None
    except re.error:
        return True
