"""Editing a shared kustomization.yaml: aegisgen's entries in, everybody else's bytes as they were."""

from __future__ import annotations

from aegisgen.render.kustomization.entries import Patch, Wiring
from aegisgen.render.kustomization.keep import wire

__all__ = ["Patch", "Wiring", "wire"]
