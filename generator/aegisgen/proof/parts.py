"""Objects on their way from the process that read them to the one that judges a build too large for one part."""

from __future__ import annotations

from collections.abc import Sequence

from aegisgen.kube.resource import Resource
from aegisgen.proof.inputs import Source, read
from aegisgen.rules.references import POD_KINDS
from aegisgen.yaml.scalars import Dialect
from aegisgen.yaml.source import Document, documents

# What the rules that look at several objects look into; of others it is enough that they are there, and when.
_LOOKED_INTO = POD_KINDS | frozenset(
    (
        *("ConfigMap", "ServiceAccount", "ExternalSecret", "SealedSecret"),
        *("HorizontalPodAutoscaler", "ScaledObject", "Application"),
    )
)


class DistantDocument(Document):
    """A document without its text, which is most of its weight; its file is read again where somebody asks for a place.

    Reads the file system.
    """

    __slots__ = ("_whole",)

    def __init__(self, source: str, line: int, text: str, data: object, dialect: Dialect) -> None:
        super().__init__(source, line, text, data, dialect)
        self._whole: Document | None = None

    def __reduce__(self) -> tuple[type[Document], tuple[str, int, str, object, Dialect]]:
        return DistantDocument, (self.source, self.line, "", self.data, self.dialect)

    def position(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Return line and column as a document does that has its text."""
        if self._whole is None:
            raw = read(Source(self.source)).raw or b""
            parts = (part for part in documents(raw, self.source, self.dialect) if isinstance(part, Document))
            self._whole = next(
                (part for part in parts if part.line == self.line), Document(self.source, self.line, "", None)
            )
        return self._whole.position(path, key=key)


def distant(resource: Resource) -> Resource:
    """Return what the rules that look at several objects need of a resource that was read from a file."""
    document = resource.document
    if resource.identity.kind in _LOOKED_INTO:
        return resource._replace(
            document=DistantDocument(document.source, document.line, "", document.data, document.dialect)
        )
    bare: dict[str, object] = {"metadata": {"annotations": resource.annotations}}
    return resource._replace(
        data=bare, document=DistantDocument(document.source, document.line, "", bare, document.dialect)
    )
