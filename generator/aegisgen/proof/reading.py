"""Files in; what is wrong with each of them by itself, and what they hold, out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aegisgen.findings import Finding, Severity
from aegisgen.kube.kustomization import composed_files
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.proof.inputs import Input, Kustomizations, Source, read
from aegisgen.proof.manifests import (
    Checker,
    Piece,
    is_own,
    kustomization_flaws,
    own_findings,
    pieces,
    read_documents,
)
from aegisgen.proof.parts import distant
from aegisgen.rules.ignores import Ignore, commented
from aegisgen.rules.manifests import NOT_YAML
from aegisgen.yaml.source import Document, Parser, documents, manifests

# In double quotes a word may be written without any of its letters, or across lines.
_HIDDEN = re.compile(rb"""kind["']?[ \t]*:[ \t]*(?:[&!][^ \t\n]*[ \t]+)*"[^"\n]*\\""")


class Reading(NamedTuple):
    """What some files say: findings about each by itself, the objects in them, and what their comments ignore."""

    findings: list[Finding]
    pieces: list[Piece]
    ignores: list[Ignore]


class Files:
    """Reads files, one after the other; what a schema engine takes is checked when all have been read."""

    def __init__(self, parser: Parser = manifests) -> None:
        self._parser = parser
        self._reading = Reading([], [], [])
        self._kustomizations = Kustomizations(parser)

    def take(self, item: Input) -> None:
        """Read what is in a file."""
        reading = self._reading
        if item.raw is None:
            reading.findings.append(Finding(item.path, 0, 0, NOT_YAML, Severity.ERROR, item.trouble))
            return
        if b"aegisgen:" in item.raw:
            reading.ignores.extend(commented(item.path, item.raw.decode(errors="replace")))
        if posixpath.basename(item.path) in KUSTOMIZATION_NAMES:
            for document in self._documents(item, self._parser):
                reading.findings.extend(flaw.here() for flaw in kustomization_flaws(document))
            return
        patch = self._kustomizations.is_patch(item.path)
        composed = patch or self._kustomizations.is_resource(item.path)
        for document in self._documents(item, composed_files if composed else self._parser):
            if is_own(document):
                parts = documents(item.raw, item.path)
                own = next(part for part in parts if isinstance(part, Document) and part.line == document.line)
                reading.findings.extend(own_findings(own))
            else:
                reading.pieces.extend(pieces(document, patch=patch))

    def checked(self, checker: Checker) -> Reading:
        """Return all that was read, with what is wrong with it."""
        self._reading.findings.extend(flaw.here() for flaw in checker.check(self._reading.pieces))
        return self._reading

    def manifests(self) -> list[Resource]:
        """Return the objects that were read; a patch is none."""
        found = (piece.object() for piece in self._reading.pieces if not piece.patch)
        return [each for each in found if isinstance(each, Resource)]

    def _documents(self, item: Input, parser: Parser) -> Iterator[Document]:
        for document in read_documents(item.raw or b"", item.path, parser):
            if isinstance(document, Finding):
                self._reading.findings.append(document)
            else:
                yield document


def applications_in(sources: Sequence[Source]) -> list[Resource]:
    """Return the Applications in some files, without reading those in which there can be none."""
    files = Files()
    for item in map(read, sources):
        if item.raw and (b"Application" in item.raw or _HIDDEN.search(item.raw)):
            files.take(item)
    return [distant(each) for each in files.manifests() if each.identity.kind == "Application"]
