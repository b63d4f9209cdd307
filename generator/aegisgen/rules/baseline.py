"""Findings that were there when a tree was taken on: known, and not reported again."""

from __future__ import annotations

import json
from collections.abc import Iterable

from aegisgen.errors import Finding, InputError, Problem
from aegisgen.kube.shape import mapping, sequence, text

VERSION = 1


def fingerprint(finding: Finding) -> str:
    """Return what tells a finding from others, whatever lines come or go above it."""
    import hashlib  # noqa: PLC0415 - with OpenSSL behind it, it is not for everybody's start

    return hashlib.sha256("\0".join(_lasting(finding).values()).encode()).hexdigest()[:20]


def write_baseline(findings: Iterable[Finding]) -> str:
    """Return the text of a baseline file: an entry a finding, sorted, readable in a review."""
    entries = [{**_lasting(finding), "fingerprint": fingerprint(finding)} for finding in sorted(findings)]
    return json.dumps({"version": VERSION, "findings": entries}, indent=2, ensure_ascii=False) + "\n"


def read_baseline(content: str, source: str) -> list[str]:
    """Return the fingerprints of a baseline file, each as often as it occurs; InputError for anything else."""
    try:
        data: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(Problem(source, 1, 1, "", f"not a baseline file: {error}")) from None
    if mapping(data).get("version") != VERSION:
        raise InputError(Problem(source, 1, 1, "version", f"expected a baseline file of version {VERSION}"))
    fingerprints = [text(mapping(entry).get("fingerprint")) for entry in sequence(mapping(data).get("findings"))]
    if not all(fingerprints):
        raise InputError(Problem(source, 1, 1, "findings", "an entry without fingerprint"))
    return fingerprints


def _lasting(finding: Finding) -> dict[str, str]:
    return {field: getattr(finding, field) for field in ("rule", "path", "resource", "message")}
