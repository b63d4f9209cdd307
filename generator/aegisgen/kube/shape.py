"""Look at plain data of unknown shape as what it should be: a wrong shape is an empty one, its schema says the rest."""

from __future__ import annotations

# kustomize, api/konfig/general.go: RecognizedKustomizationFileNames. It refuses a folder with more than one of them.
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

KUSTOMIZATION_DATA = frozenset(
    {
        "apiVersion", "kind", "metadata", "namespace", "namePrefix", "nameSuffix", "commonLabels", "labels",
        "commonAnnotations", "images", "replicas", "generatorOptions", "vars", "sortOptions",
    }
)  # fmt: skip
"""The fields of a kustomization in which no text is the name of a file."""


def mapping(value: object) -> dict[str, object]:
    """Return a mapping as it is, and an empty one for everything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[object]:
    """Return a list as it is, and an empty one for everything else."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a string as it is, and an empty one for everything else."""
    return value if isinstance(value, str) else ""


def natural(value: object) -> int | None:
    """Return a whole number from 0 on as it is, and None for everything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def texts(value: object) -> dict[str, str]:
    """Return the entries of a mapping whose values are strings."""
    return {key: item for key, item in mapping(value).items() if isinstance(item, str)}
