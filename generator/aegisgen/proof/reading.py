"""Files in; what is wrong with each of them by itself, and what they hold, out."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.findings import Finding, Severity
from aegisgen.kube.compose import KUSTOMIZATION_NAMES
from aegisgen.kube.resource import Resource
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
from aegisgen.yamlsource import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aegisgen.proof.inputs import Input, Source
    from aegisgen.yamlsource import Document, Parser

# What can hide a word in YAML's double quotes.
_ESCAPE = re.compile(rb"\\(?:[xuU]|\r|\n)")


class Reading(NamedTuple):
    """What some files say: findings about each by itself, the objects in them, and what their comments ignore."""

    findings: list[Finding]
    pieces: list[Piece]
    ignores: list[Ignore]


def read_files(sources: Iterable[Source], checker: Checker, parser: Parser = documents) -> Reading:
    """Read and check files."""
    reading = Reading([], [], [])
    kustomizations = Kustomizations()
    for source in sources:
        _take(read(source), reading, kustomizations, parser)
    reading.findings.extend(flaw.here() for flaw in checker.check(reading.pieces))
    return reading


def applications_in(sources: Sequence[Source]) -> list[Resource]:
    """Return the Applications in some files, without reading those in which there can be none."""
    found = Reading([], [], [])
    kustomizations = Kustomizations()
    for item in map(read, sources):
        if item.raw and (b"Application" in item.raw or _ESCAPE.search(item.raw)):
            _take(item, found, kustomizations, documents)
    resources = (piece.object() for piece in found.pieces if not piece.patch)
    return [each for each in resources if isinstance(each, Resource) and each.identity.kind == "Application"]


def _take(item: Input, reading: Reading, kustomizations: Kustomizations, parser: Parser) -> None:
    """Read one file: what is special is checked at once, what a schema engine takes is collected."""
    if item.raw is None:
        reading.findings.append(Finding(item.path, 0, 0, NOT_YAML, Severity.ERROR, item.trouble))
        return
    if b"aegisgen:" in item.raw:
        reading.ignores.extend(commented(item.path, item.raw.decode(errors="replace")))
    if posixpath.basename(item.path) in KUSTOMIZATION_NAMES:
        for document in _documents(item, reading, parser):
            reading.findings.extend(flaw.here() for flaw in kustomization_flaws(document))
        return
    patch = kustomizations.is_patch(item.path)
    for document in _documents(item, reading, parser):
        if is_own(document):
            reading.findings.extend(own_findings(document))
        else:
            reading.pieces.extend(pieces(document, patch=patch))


def _documents(item: Input, reading: Reading, parser: Parser) -> Iterator[Document]:
    for document in read_documents(item.raw or b"", item.path, parser):
        if isinstance(document, Finding):
            reading.findings.append(document)
        else:
            yield document
