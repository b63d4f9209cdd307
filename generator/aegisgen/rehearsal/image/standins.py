"""Small programs that stand in for those of images: an S3 client, and a clock for scripts that wait."""

from __future__ import annotations

import shlex
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AWS = """#!/bin/sh
# Stands in for the AWS client: s3://bucket/key is a file of the rehearsal's.
set -eu
root={root}
place() {{ case $1 in s3://*) printf '%s/%s' "$root" "${{1#s3://}}" ;; *) printf '%s' "$1" ;; esac; }}
[ "${{1:-}}" = s3 ] || {{ echo "sh: aws ${{1:-}}: not found" >&2; exit 127; }}
verb=$2
shift 2
from='' to=''
for word; do
  case $word in
  --*) ;;
  *) if [ "$from" ]; then to=$word; else from=$word; fi ;;
  esac
done
case $verb in
cp)
  target=$(place "$to")
  mkdir -p "${{target%/*}}"
  cp "$(place "$from")" "$target"
  ;;
rm) rm -f "$(place "$from")" ;;
ls)
  found=1
  for file in "$(place "$from")"*; do
    [ -f "$file" ] || continue
    printf '2026-01-01 00:00:00 %10d %s\\n' "$(($(wc -c <"$file")))" "${{file##*/}}"
    found=0
  done
  exit "$found"
  ;;
*)
  echo "sh: aws s3 $verb: not found" >&2
  exit 127
  ;;
esac
"""
_SLEEP = """#!/bin/sh
# The clock of this scenario runs {speed} times as fast.
exec {real} "$(awk -v t="$1" 'BEGIN {{ sub(/s$/, "", t); printf "%.3f", t / {speed} }}')"
"""
_DATE = """#!/bin/sh
# The clock of this scenario runs {speed} times as fast.
[ "$*" = +%s ] || exec {real} "$@"
echo $(({zero} + ($({real} +%s) - {zero}) * {speed}))
"""
_NODE = """"use strict";
// The clock of this scenario runs {speed} times as fast; timers do not.
const now = Date.now;
Date.now = () => {zero}000 + (now() - {zero}000) * {speed};
"""


def write_storage(folder: Path, root: Path) -> None:
    """Put an S3 client into `folder` that keeps its objects below `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "aws", _AWS.format(root=shlex.quote(str(root))))


def write_clock(folder: Path, speed: int) -> dict[str, str]:
    """Put programs into `folder` whose time runs `speed` times as fast; return variables that let Node's do so too."""
    folder.mkdir(parents=True, exist_ok=True)
    zero = int(time.time())
    for name, text in (("sleep", _SLEEP), ("date", _DATE)):
        real = shutil.which(name) or f"/bin/{name}"
        _write(folder / name, text.format(speed=speed, zero=zero, real=shlex.quote(real)))
    preload = folder / "clock.cjs"
    preload.write_text(_NODE.format(speed=speed, zero=zero))
    return {"NODE_OPTIONS": f"--require {preload}"}


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
