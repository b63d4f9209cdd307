"""What stands in for pnpm, npm and yarn: the scripts of package.json, run as those would run them.

A package manager takes half a second to start, and a rehearsal starts it hundreds of times. The stand-in runs a script
of a package's own, with what goes before and after it; everything else goes to the real one, where there is one.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from aegisgen.kube.shape import texts
from aegisgen.rehearsal.image.app import packages

MANAGERS = ("pnpm", "npm", "yarn")

_PROGRAM = """#!/bin/sh
# Stands in for {manager}: runs package scripts itself.
script() {{
  name=$1
  shift
{dashes}  case $PWD in
{packages}  esac
}}
own() {{
  while :; do
    case ${{1:-}} in --silent | -s | --quiet | --no-color | run | run-script) shift ;; *) break ;; esac
  done
  case ${{1:-}} in
  exec | x)
    shift
    [ "${{1:-}}" != -- ] || shift
    PATH="$PWD/node_modules/.bin:$PATH"
    ! command -v "${{1:-}}" >/dev/null || exec "$@"
    ;;
  esac
  [ $# -eq 0 ] || script "$@"
}}
own "$@"
{otherwise}
"""
# npm takes the two dashes away; the others hand them on.
_DASHES = '  [ "${1:-}" != -- ] || shift\n'


def write_scripts(apps: Iterable[Path], target: Path) -> None:
    """Put a stand-in for each package manager into `target`, for the packages of the copies `apps`."""
    target.mkdir(parents=True, exist_ok=True)
    cases = "".join(_package(folder, app) for app in apps for folder in packages(app))
    for manager in MANAGERS:
        real = shutil.which(manager)
        otherwise = f'exec {shlex.quote(real)} "$@"' if real else f'echo "sh: {manager}: not found" >&2\nexit 127'
        dashes = _DASHES if manager == "npm" else ""
        file = target / manager
        file.write_text(_PROGRAM.format(manager=manager, packages=cases, dashes=dashes, otherwise=otherwise))
        file.chmod(0o755)


def scripts_of(folder: Path) -> dict[str, str]:
    """Return the scripts of a package; none where its package.json cannot be read."""
    try:
        data = json.loads((folder / "package.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return texts(data.get("scripts") if isinstance(data, dict) else None)


def _package(folder: Path, app: Path) -> str:
    scripts = scripts_of(folder)
    if not scripts:
        return ""
    bins = ":".join(shlex.quote(f"{place}/node_modules/.bin") for place in dict.fromkeys((folder, app)))
    lines = [f"  {shlex.quote(str(folder))})\n    case $name in\n"]
    for name, command in scripts.items():
        text = shlex.quote(command + ' "$@"')
        run = f'sh -c {text} {shlex.quote(name)} "$@"'
        steps = [f"sh -c {shlex.quote(scripts['pre' + name])} || exit"] if "pre" + name in scripts else []
        steps += (
            [f"{run} || exit", f"exec sh -c {shlex.quote(scripts['post' + name])}"]
            if "post" + name in scripts
            else [f"exec {run}"]
        )
        lines.append(
            f'    {shlex.quote(name)})\n      export PATH={bins}:"$PATH" npm_lifecycle_event={shlex.quote(name)}\n'
        )
        lines += [f"      {step}\n" for step in steps]
        lines.append("      ;;\n")
    lines.append("    esac\n    ;;\n")
    return "".join(lines)
