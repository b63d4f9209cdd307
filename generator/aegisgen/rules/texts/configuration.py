"""The rules about ignores, in words."""

from __future__ import annotations

from aegisgen.rules.texts import Text

_WAVED = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations:
    argocd.argoproj.io/sync-wave: %s
"""

TEXTS = {
    "C601": Text(
        explanation="""\
An ignore says that somebody looked and decided. Without the reason nobody can tell later whether it still holds, so
such an ignore silences nothing.""",
        fix="write the reason behind the rule's ID",
        source="aegisgen",
        bad=_WAVED % "first # aegisgen: ignore[H102]",
        good=_WAVED % "first # aegisgen: ignore[H102] read by a tool of our own, which knows words",
    ),
    "C602": Text(
        explanation="""\
An ignore that matches no finding was mended, or never meant what its author thought. Left in place it silences the
next real finding.""",
        fix="remove it",
        source="aegisgen",
        bad=_WAVED % "'1' # aegisgen: ignore[H102] read by a tool of our own, which knows words",
        good=_WAVED % "'1'",
    ),
    "C603": Text(
        explanation="""\
An ignore of a rule that does not exist silences nothing, while its author believes that it does.""",
        fix="write the ID as the finding shows it, such as H102",
        source="aegisgen",
        bad=_WAVED % "'1' # aegisgen: ignore[H199] read by a tool of our own, which knows words",
        good=_WAVED % "first # aegisgen: ignore[H102] read by a tool of our own, which knows words",
    ),
}
