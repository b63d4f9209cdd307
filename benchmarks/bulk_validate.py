"""Compare `aegisgen validate` with kubeconform on many composed overlays.

    python benchmarks/bulk_validate.py                1,000 files of 7 resources, 5 rounds
    python benchmarks/bulk_validate.py --files 100    fewer files
    python benchmarks/bulk_validate.py --keep DIR     leave the files in DIR, to profile with

Each file holds what the AegisX tree composes to, under names and in a namespace of its own: the production overlay, and
of staging what there is room for. What is compared, each as a new process and one after the
other in every round, so that both see the same machine, on the same files and the same bundled schemas:

    aegisgen       aegisgen validate DIR --no-compose: schemas, all rules, the same identity twice, ignores
    kubeconform    kubeconform -strict -n 2: the schema check alone

The ratio is that of the medians, aegisgen over kubeconform: up to 1.00 aegisgen is the faster one. CPU time is user and
system time of all of a command's processes; on a busy machine it says more than the clock. Memory is the largest sum of
what a command's processes held by themselves at one time (Pss, where the system tells it). Exit code 2 where a tool is
missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = str(ROOT / "schemas/kubernetes/v1.34/{{.ResourceKind}}{{.KindSuffix}}.json")
RESOURCES = 7
WARM_UP_ROUNDS = 1


class Sample(NamedTuple):
    """One run: seconds on the clock, seconds of all processors, bytes of memory."""

    wall: float
    cpu: float
    memory: int


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000, metavar="N", help="how many files (1000)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each command runs (5)")
    parser.add_argument("--keep", metavar="DIR", help="write the files there and leave them")
    options = parser.parse_args()

    # Beside this Python, the machine's own tools, then those that .ci/tools built.
    here = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(here), os.environ.get("PATH", os.defpath), str(ROOT / ".tools/bin")])
    missing = [tool for tool in ("aegisgen", "kubeconform") if shutil.which(tool) is None]
    composers = (["kustomize", "build"], ["kubectl", "kustomize"])
    composer = next((command for command in composers if shutil.which(command[0])), None)
    if missing or composer is None:
        print(f"not on PATH: {', '.join(missing or ['kustomize'])}; .ci/tools builds it with Go", file=sys.stderr)
        return 2

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as users run it
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.keep or scratch, "composed")
        write(folder, options.files, composer)
        commands = {
            "aegisgen": ["aegisgen", "validate", "--no-compose", "composed"],
            "kubeconform": ["kubeconform", "-strict", "-n", "2", "-schema-location", SCHEMAS, "composed"],
        }
        samples: dict[str, list[Sample]] = {name: [] for name in commands}
        memory: dict[str, int] = {}
        for number in range(WARM_UP_ROUNDS + options.rounds):
            for name, command in commands.items():
                # Looking at the memory of others costs them time, and so is done when the time does not count.
                sample = measure(name, command, folder.parent, watched=number < WARM_UP_ROUNDS)
                if number < WARM_UP_ROUNDS:
                    memory[name] = sample.memory
                else:
                    samples[name].append(sample)

    total = options.files * RESOURCES
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{options.files} files, {total} resources, {options.rounds} rounds\n"
    )
    print(f"{'':12} {'median s':>9} {'least s':>9} {'CPU s':>9} {'MB':>6} {'resources/s':>12}")
    for name, found in samples.items():
        wall = median(each.wall for each in found)
        least, cpu = min(each.wall for each in found), median(each.cpu for each in found)
        print(f"{name:12} {wall:9.2f} {least:9.2f} {cpu:9.2f} {memory[name] / 1e6:6.0f} {total / wall:12.0f}")
    own, other = samples["aegisgen"], samples["kubeconform"]
    clock = median(each.wall for each in own) / median(each.wall for each in other)
    cpu = median(each.cpu for each in own) / median(each.cpu for each in other)
    print(f"\naegisgen / kubeconform: {clock:.2f} on the clock, {cpu:.2f} in CPU time")
    return 0


def write(folder: Path, files: int, composer: list[str]) -> None:
    """Write the files: each is one environment, under a name of its own."""
    production, staging = (documents(composer, name) for name in ("production", "staging"))
    whole = [*production, *staging][:RESOURCES]
    if len(whole) < RESOURCES:
        sys.exit(f"the AegisX tree composes to {len(whole)} resources, expected {RESOURCES} at least")
    text = "---\n".join(whole)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        named = re.sub(r"\b(production|staging)-aegisx", rf"\1-{number:04}-aegisx", text)
        named = re.sub(r"namespace: (production|staging)$", rf"namespace: \1-{number:04}", named, flags=re.MULTILINE)
        (folder / f"{number:04}.yaml").write_text(named, encoding="utf-8")


def documents(composer: list[str], environment: str) -> list[str]:
    """Compose an overlay of the AegisX tree and return its documents."""
    overlay = f"argocd/overlays/{environment}/api"
    built = subprocess.run([*composer, overlay], cwd=ROOT, capture_output=True, text=True, check=True)
    return built.stdout.split("---\n")


def measure(name: str, command: list[str], directory: Path, *, watched: bool) -> Sample:
    """Run a command once. Ends the program where it finds fault: a time for a failure means nothing."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watch = _Memory(process.pid)
    if watched:
        watch.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        watch.ended.set()
        if watched:
            watch.join()
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{name}: exit code {process.returncode}\n{process.stderr.read() if process.stderr else ''}")
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return Sample(wall, usage.ru_utime + usage.ru_stime, max(watch.most, usage.ru_maxrss * kilobyte * (not watch.most)))


class _Memory(threading.Thread):
    """Looks now and then at what a process and its children hold."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self.ended = threading.Event()
        self._pid = pid

    def run(self) -> None:
        while not self.ended.wait(0.02):
            self.most = max(self.most, sum(map(_held, _family(self._pid))))


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(descendant for child in children for descendant in _family(int(child)))]


def _held(pid: int) -> int:
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    sys.exit(main())
