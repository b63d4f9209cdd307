"""The presentations of a plan, by the name that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aegisgen.argocd.plan import Plan
from aegisgen.argocd.plan_json import to_json
from aegisgen.argocd.plan_mermaid import to_mermaid
from aegisgen.argocd.plan_svg import to_svg
from aegisgen.argocd.plan_text import to_text

FORMATS: Mapping[str, Callable[[Plan], str]] = {
    "text": to_text,
    "json": to_json,
    "mermaid": to_mermaid,
    "svg": to_svg,
}
