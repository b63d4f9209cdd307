"""What can be found out apart from everything else: of some overlays, of some manifests. Each process does a few."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from aegisgen.errors import Finding, Problem
from aegisgen.kube.cache import Cache
from aegisgen.kube.kustomization import composed_files
from aegisgen.kube.overlay import used_files
from aegisgen.kube.resource import Resource
from aegisgen.profile.stated import Stated
from aegisgen.proof.inputs import Source, read
from aegisgen.proof.judge import composed, judge_manifests, judge_overlay, judge_part
from aegisgen.proof.manifests import Checker, Verdict
from aegisgen.proof.overlays import Refusal, build, findings, refusal
from aegisgen.proof.reading import Files, distant
from aegisgen.record import Record
from aegisgen.rules.builds import Deployments
from aegisgen.rules.context import Settings
from aegisgen.yaml.source import Document

# A base is read for each of its overlays, and each file of theirs by itself, all within a few files of one another.
_KEPT_FILES = 64


class Means(Record):
    """How things are found out."""

    checker: Checker
    settings: Settings
    compose: bool
    cache: Cache | None
    builds: int


class OverlayTask(Record):
    """Some overlays, each with the Applications that deploy it and with what its profile states."""

    overlays: tuple[tuple[Path, tuple[Resource, ...], Stated | None], ...]
    means: Means


class OverlayProof(Record):
    """What is known of one overlay."""

    verdict: Verdict
    flaws: list[Finding]
    """What is wrong with it as a whole and with what it composes to."""
    used: frozenset[str]
    applications: list[Resource]
    refusal: Refusal | None


class ManifestTask(Record):
    """Some files: whole directories, or a part of one, which is too large for one process."""

    sources: tuple[Source, ...]
    applications: tuple[Resource, ...]
    whole: bool
    means: Means


class ManifestProof(Record):
    """What is known of some files."""

    verdict: Verdict
    manifests: list[Resource]
    """Of a part: what is to be judged together with the other parts."""


def prove_overlays(task: OverlayTask) -> tuple[list[OverlayProof], Verdict]:
    """Read, compose and judge overlays; the second of what is returned is about the files that they are made of."""
    means = task.means
    parser = lru_cache(maxsize=_KEPT_FILES)(_all_documents)
    files = Files(parser)
    seen: set[str] = set()
    proofs = []
    directories = [directory for directory, _, _ in task.overlays]
    built = build(directories, composed=means.compose, cache=means.cache, jobs=means.builds, parser=parser)
    for each, (_, applications, stated) in zip(built, task.overlays, strict=True):
        used = used_files(each.overlay)
        for path in sorted(used - seen):
            files.take(read(Source(path)))
        seen |= used
        proofs.append(
            OverlayProof(
                judge_overlay(each, applications, means.settings, stated),
                list(findings(each, means.checker)),
                frozenset(used),
                [resource for resource in composed(each) if resource.identity.kind == "Application"],
                refusal(each),
            )
        )
    return proofs, files.checked(means.checker)


def prove_manifests(task: ManifestTask) -> ManifestProof:
    """Check files, and judge what they hold, as far as it is here."""
    files = Files()
    for source in task.sources:
        files.take(read(source))
    verdict, manifests = files.checked(task.means.checker), files.manifests()
    if task.whole:
        verdict.add(judge_manifests(manifests, Deployments(task.applications), task.means.settings))
        return ManifestProof(verdict, [])
    verdict.add(judge_part(manifests, task.means.settings))
    return ManifestProof(verdict, [distant(manifest) for manifest in manifests])


def _all_documents(raw: bytes, source: str) -> Iterable[Document | Problem]:
    return tuple(composed_files(raw, source))
