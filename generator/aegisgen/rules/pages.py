"""What is said of a rule, as a page of `docs/rules` and for a terminal: both from the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aegisgen.errors import UsageError
from aegisgen.rules.table import FAMILIES, RULES

if TYPE_CHECKING:
    from aegisgen.rules.rule import Rule

_NAMES = {
    "hooks": "Hooks",
    "order": "Order",
    "agreement": "Agreement",
    "security": "Security",
    "applications": "Applications",
    "configuration": "Ignores",
    "manifests": "Files and overlays",
    "drift": "Drift",
}
_INTRODUCTION = """\
# Rules

What no schema finds. Each rule has a stable ID, a severity that a project may change, and two examples that are also
its tests. `aegisgen explain ID` prints the same text as these pages, which are generated from it.
"""
_IGNORING = """\
## Ignoring a finding

A finding is ignored with a reason, or not at all; ignores that ignore nothing are reported.

- On its line: `# aegisgen: ignore[H105] reason`, behind the line or alone on the line before it.
- On a resource: the annotation `aegisgen.dev/ignore: "H105 reason"`, several of them separated by `;`.
- In the project file: an entry with `rule`, `reason` and, as shell patterns, `resource` (`Kind/name`) and `path`.

## Taking on a tree that has findings already

Name a file in the project's `rules.baseline` and run `aegisgen check --write-baseline`: what it finds now is written
there, by content and not by line, and is not reported again; whatever is new is. Drift is never written. For trees
without profiles, `aegisgen validate --write-baseline FILE PATH...` does the same. Commit the file, and write it anew to
make it shorter.
"""


def explain(rule_id: str) -> str:
    """Return the text of a rule for a terminal. Raises UsageError for an ID that does not exist."""
    rule = RULES.get(rule_id.upper())
    if rule is None:
        from difflib import get_close_matches  # noqa: PLC0415 -- start-up time

        near = get_close_matches(rule_id.upper(), RULES, n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; the rules are {', '.join(RULES)}"
        raise UsageError(f"there is no rule {rule_id}{meant}")
    return (
        f"{rule.id} {rule.title} ({rule.severity})\n\n{rule.explanation}\n\nTo mend it: {rule.fix}.\n"
        f"Source: {rule.source}.\n\nBad:\n\n{_indented(rule.bad)}\nGood:\n\n{_indented(rule.good)}"
    )


def pages() -> dict[str, str]:
    """Return the files of `docs/rules` by name, all of them."""
    return {"README.md": _index()} | {f"{rule.id}.md": _page(rule) for rule in RULES.values()}


def _index() -> str:
    parts = [_INTRODUCTION]
    for family in FAMILIES:
        parts.append(
            f"## {_NAMES[family.__name__.rpartition('.')[2]]}\n\n| rule | what it finds | severity |\n|---|---|---|"
        )
        parts[-1] += "".join(
            f"\n| [{rule.id}]({rule.id}.md) | {rule.title} | {rule.severity} |" for rule in family.RULES
        )
        parts[-1] += "\n"
    return "\n".join([*parts, _IGNORING])


def _page(rule: Rule) -> str:
    return f"""\
# {rule.id}: {rule.title}

Severity: {rule.severity}. Tags: {", ".join(rule.tags)}.

{rule.explanation}

**To mend it:** {rule.fix}.

Source: {rule.source}.

## Bad

```yaml
{rule.bad.rstrip()}
```

## Good

```yaml
{rule.good.rstrip()}
```
"""


def _indented(example: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in example.rstrip().splitlines())


def write(directory: str) -> None:
    """Write the pages into `directory` and remove pages of rules that are gone."""
    from pathlib import Path  # noqa: PLC0415 -- only who renews the documentation writes

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for stale in folder.glob("[A-Z][0-9][0-9][0-9].md"):
        if stale.name not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    import sys

    write(*sys.argv[1:])
