"""Names and numbers that the cluster would make up; the same ones in each rehearsal."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

from aegisgen.rehearsal.kubelet.environment import PodFacts

if TYPE_CHECKING:
    from aegisgen.rehearsal.kubelet.spec import Template

# k8s.io/apimachinery/pkg/util/rand: no vowels, so that no words come out
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
PODS = 1000
"""More pods than one owner makes in one sync."""


def facts_of(
    owner: str, number: int, namespace: str, template: Template, owner_uid: str, *, job: bool = False
) -> PodFacts:
    """Return what the `number`th pod of an owner knows of itself."""
    choose = random.Random(f"{owner}/{number}")  # noqa: S311 - a name, no secret
    name = f"{owner}-{''.join(choose.choices(_ALPHABET, k=_SUFFIX))}"
    labels = dict(template.metadata.labels)
    if job:
        labels |= {
            "batch.kubernetes.io/controller-uid": owner_uid,
            "batch.kubernetes.io/job-name": owner,
            "controller-uid": owner_uid,
            "job-name": owner,
        }
    return PodFacts(
        name, namespace, uid_of(name), template.spec.service_account_name, labels, template.metadata.annotations
    )


def uid_of(name: str) -> str:
    """Return an object's UID."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
