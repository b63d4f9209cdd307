"""Editing a shared kustomization.yaml: aegisgen's entries in, everybody else's bytes as they were."""

from __future__ import annotations

from collections.abc import Collection

from aegisgen.render.kustomization.entries import Patch, Wiring
from aegisgen.render.kustomization.keep import wire

__all__ = ["NAMES", "Patch", "Wiring", "find", "wire"]

# kustomize, api/konfig/general.go: RecognizedKustomizationFileNames. It refuses a folder with more than one of them.
NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def find(names: Collection[str]) -> str | None:
    """Return the one of a folder's file names that kustomize reads; None where there is none."""
    return next((name for name in NAMES if name in names), None)
