"""Small programs that stand in for those of images: an S3 client, and a clock for scripts that wait."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from pathlib import Path

_AWS = """#!/bin/sh
# Stands in for the AWS client: s3://bucket/key is a file of the rehearsal's.
set -eu
root={root}
place() {{ case $1 in s3://*) printf '%s/%s' "$root" "${{1#s3://}}" ;; *) printf '%s' "$1" ;; esac; }}
while case ${{1:-}} in --*) ;; *) false ;; esac; do shift 2; done
case "${{1:-}} ${{2:-}}" in
"s3 "*) ;;
"s3api head-bucket" | "s3api list-multipart-uploads") exit 0 ;;
*) echo "sh: aws ${{1:-}} ${{2:-}}: not found" >&2; exit 127 ;;
esac
verb=$2
shift 2
from='' to='' option=''
for word; do
  case $option$word in
  --metadata | --sse | --sse-kms-key-id | --storage-class | --acl) option=$word ;;
  --metadata?* | --sse?* | --storage-class?* | --acl?*) option='' ;;
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
# The state of the clock: a moment outside, the same moment in here, both in seconds since 1970, and the speed.
_STATE = "state"
_SLEEP = """#!/bin/sh
# The clock of this scenario may run faster.
read -r _ _ speed <{state}
[ "$speed" != 1 ] || exec {real} "$@"
exec {real} "$(awk -v t="$1" -v speed="$speed" 'BEGIN {{ sub(/s$/, "", t); printf "%.3f", t / speed }}')"
"""
_TIMEOUT = """#!/bin/sh
# The clock of this scenario may run faster.
read -r _ _ speed <{state}
case $1 in *[!0-9]*) speed=1 ;; esac
[ "$speed" != 1 ] || exec {real} "$@"
after=$(awk -v t="$1" -v speed="$speed" 'BEGIN {{ printf "%.3f", t / speed }}')
shift
exec {real} "$after" "$@"
"""
_DATE = """#!/bin/sh
# The clock of this scenario may run faster.
[ "$*" = +%s ] || exec {real} "$@"
read -r outside here speed <{state}
echo $((here + ($({real} +%s) - outside) * speed))
"""
_NODE = """"use strict";
// The clock of this scenario may run faster; timers do not.
const {{ readFileSync }} = require("fs");
const now = Date.now;
let looked = 0, outside = 0, here = 0, speed = 1;
Date.now = () => {{
  const real = now();
  if (real - looked > 100) {{
    looked = real;
    [outside, here, speed] = readFileSync({state}, "utf8").split(" ").map(Number);
  }}
  return Math.round(here * 1000 + (real - outside * 1000) * speed);
}};
"""


def write_storage(folder: Path, root: Path) -> None:
    """Put an S3 client into `folder` that keeps its objects below `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "aws", _AWS.format(root=shlex.quote(str(root))))


class ContainerClock:
    """The time that containers see; it runs as it does outside until it is told otherwise."""

    def __init__(self, folder: Path) -> None:
        """Put programs into `folder` that tell this time, to be found before those that they stand in for."""
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / _STATE
        self._outside = self._here = int(time.time())
        self._speed = 1
        self.run_at(1)
        for name, text in (("sleep", _SLEEP), ("date", _DATE), ("timeout", _TIMEOUT)):
            if real := shutil.which(name):
                _write(folder / name, text.format(state=shlex.quote(str(self._state)), real=shlex.quote(real)))
        preload = folder / "clock.cjs"
        preload.write_text(_NODE.format(state=json.dumps(str(self._state))))
        self.environment = {"NODE_OPTIONS": f"--require {preload}"}
        """Variables that let Node tell this time too."""

    def run_at(self, speed: int) -> None:
        """Let it run `speed` times as fast from now on."""
        now = int(time.time())
        self._here += (now - self._outside) * self._speed
        self._outside, self._speed = now, speed
        fresh = self._state.with_suffix(".new")
        fresh.write_text(f"{self._outside} {self._here} {self._speed}\n")
        fresh.replace(self._state)


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
