"""Files in; what is wrong with each of them and what they hold out. Many files are shared out among processes."""

from __future__ import annotations

import os
import posixpath
import sys
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.findings import Finding, Severity
from aegisgen.kube.compose import KUSTOMIZATION_NAMES
from aegisgen.proof.inputs import Kustomizations, read
from aegisgen.proof.manifests import (
    Checker,
    Piece,
    is_own,
    kustomization_flaws,
    own_findings,
    pieces,
    read_documents,
)
from aegisgen.rules.ignores import Ignore, commented
from aegisgen.rules.manifests import NOT_YAML

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aegisgen.proof.inputs import Input, Source
    from aegisgen.yamlsource import Document

# Fewer files are read before another process has started.
MIN_SHARED = 64
# A share is large enough to be worth sending and small enough that nobody waits long for the last one.
_SHARE = 50


class Reading(NamedTuple):
    """What some files say: findings about each by itself, the objects in them, and what their comments ignore."""

    findings: list[Finding]
    pieces: list[Piece]
    ignores: list[Ignore]
    files: int


def read_files(sources: Sequence[Source], checker: Checker, jobs: int) -> Reading:
    """Read and check files; `jobs` is how many processes may work, 0: one a core. The answer is always the same."""
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1 or len(sources) < MIN_SHARED:
        return _share((sources, checker))
    import multiprocessing  # noqa: PLC0415 -- start-up time: few runs have so many files
    import threading  # noqa: PLC0415

    # A fork is cheap and safe where there are no threads; macOS' own libraries have some.
    forked = sys.platform == "linux" and threading.active_count() == 1
    shares = [(sources[start : start + _SHARE], checker) for start in range(0, len(sources), _SHARE)]
    whole = Reading([], [], [], len(sources))
    with multiprocessing.get_context("fork" if forked else "spawn").Pool(min(jobs, len(shares))) as pool:
        for part in pool.imap(_share, shares):  # in their order, whoever is first
            whole.findings.extend(part.findings)
            whole.pieces.extend(part.pieces)
            whole.ignores.extend(part.ignores)
    return whole


def _share(share: tuple[Sequence[Source], Checker]) -> Reading:
    sources, checker = share
    reading = Reading([], [], [], len(sources))
    kustomizations = Kustomizations()
    for source in sources:
        _take(read(source), reading, kustomizations)
    reading.findings.extend(flaw.here() for flaw in checker.check(reading.pieces))
    return reading


def _take(item: Input, reading: Reading, kustomizations: Kustomizations) -> None:
    """Read one file: what is special is checked at once, what a schema engine takes is collected."""
    if item.raw is None:
        reading.findings.append(Finding(item.path, 0, 0, NOT_YAML, Severity.ERROR, item.trouble))
        return
    if b"aegisgen:" in item.raw:
        reading.ignores.extend(commented(item.path, item.raw.decode(errors="replace")))
    if posixpath.basename(item.path) in KUSTOMIZATION_NAMES:
        for document in _documents(item, reading):
            reading.findings.extend(flaw.here() for flaw in kustomization_flaws(document))
        return
    patch = kustomizations.is_patch(item.path)
    for document in _documents(item, reading):
        if is_own(document):
            reading.findings.extend(own_findings(document))
        else:
            reading.pieces.extend(pieces(document, patch=patch))


def _documents(item: Input, reading: Reading) -> Iterator[Document]:
    for document in read_documents(item.raw or b"", item.path):
        if isinstance(document, Finding):
            reading.findings.append(document)
        else:
            yield document
