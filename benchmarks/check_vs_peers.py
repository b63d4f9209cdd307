"""Compare `aegisgen check` on the AegisX tree with the pipeline that people would use instead of it.

    python benchmarks/check_vs_peers.py                20 rounds
    python benchmarks/check_vs_peers.py --rounds 50    more of them, for a machine with other work to do

What is compared, each as a new process, one after the other in every round, so that all see the same machine:

    check      aegisgen check --all --no-compose: drift, schemas, and the overlays read without Kustomize; without any
               cache, for there is no folder where one could be
    one core   the same on one processor
    peer       kubectl kustomize (and kustomize, where it is installed) on both overlays, piped into
               kubeconform -strict with the bundled schemas
    start      aegisgen --version, beside an empty Python program: what start-up costs

Whether templates were compiled when aegisgen was installed is printed, because compiling them takes longer; an edited
checkout wants another `pip install --editable .`. A ratio is that of the medians, check over peer: up to 1.00 the check
is the faster one. CPU time is user and system time of all processes together; on a busy machine it says more than the
clock.
Exit code 2 where a tool is missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from aegisgen.bundle import bundled
from aegisgen.render.compiled import compiled

ROOT = Path(__file__).resolve().parents[1]
OVERLAYS = ("argocd/overlays/staging/api", "argocd/overlays/production/api")
SCHEMAS = "schemas/kubernetes/v1.34/{{.ResourceKind}}{{.KindSuffix}}.json"

# Compiles whatever a first run compiles, and brings the programs into the page cache.
WARM_UP_ROUNDS = 2


class Sample(NamedTuple):
    """How long a run took: on the clock, and on the processors."""

    wall: float
    cpu: float


class Subject(NamedTuple):
    """What is measured: a name, and a shell command that exits 0."""

    name: str
    command: str


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="how often each command runs (20)")
    rounds = max(1, parser.parse_args().rounds)

    # Beside this Python, the machine's own tools, then those that .ci/run built.
    here = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(here), os.environ.get("PATH", os.defpath), str(ROOT / ".tools/bin")])
    # An installed program has its bytecode; the warm-up writes what a checkout lacks.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    missing = [tool for tool in ("aegisgen", "kubectl", "kubeconform") if shutil.which(tool) is None]
    if missing:
        print(f"not on PATH: {', '.join(missing)}; .ci/tools builds kubeconform with Go", file=sys.stderr)
        return 2

    os.environ["XDG_CACHE_HOME"] = os.devnull

    check = Subject("aegisgen check --all --no-compose", "aegisgen check --all --no-compose")
    alone = [Subject("  on one core", f"taskset --cpu-list 0 {check.command}")] if shutil.which("taskset") else []
    peers = [peer("kubectl kustomize")]
    if shutil.which("kustomize"):
        peers.append(peer("kustomize build"))
    version = Subject("aegisgen --version", "aegisgen --version")
    empty = Subject("python -c pass", "python -c pass")
    subjects = [check, *alone, *peers, version, empty]

    samples: dict[Subject, list[Sample]] = {subject: [] for subject in subjects}
    for number in range(WARM_UP_ROUNDS + rounds):
        for subject in subjects:
            sample = measure(subject)
            if number >= WARM_UP_ROUNDS:
                samples[subject].append(sample)

    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{rounds} rounds, times in ms\n"
        f"templates: {'compiled' if precompiled() else 'compiled in each run; install aegisgen again'}\n"
    )
    width = max(len(subject.name) for subject in subjects)
    print(f"{'':{width}}  {'median':>7} {'least':>7} {'most':>7} {'CPU':>7}")
    for subject in subjects:
        wall = [sample.wall * 1000 for sample in samples[subject]]
        cpu = median(sample.cpu * 1000 for sample in samples[subject])
        print(f"{subject.name:{width}}  {median(wall):7.0f} {min(wall):7.0f} {max(wall):7.0f} {cpu:7.0f}")
    print()
    for other in peers:
        print(f"check / {other.name}: {ratio(samples[check], samples[other])}")
    print(f"--version / python: {ratio(samples[version], samples[empty])}")
    return 0


def peer(kustomize: str) -> Subject:
    """Return the pipeline around a command that composes a directory."""
    # Each overlay is a document stream of its own, and nothing separates them but this.
    build = "; echo ---; ".join(f"{kustomize} {overlay}" for overlay in OVERLAYS)
    return Subject(f"{kustomize} | kubeconform", f"{{ {build}; }} | kubeconform -strict -schema-location '{SCHEMAS}'")


def precompiled() -> bool:
    """Tell whether what is measured has compiled templates, and today's."""
    folder = bundled("templates")
    sources = {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.j2")}
    return compiled(sources) is not None


def measure(subject: Subject) -> Sample:
    """Run a command once. Ends the program where it fails: a time for a failure means nothing."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    outcome = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", subject.command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if outcome.returncode != 0:
        sys.exit(f"{subject.name}: exit code {outcome.returncode}\n{outcome.stdout}{outcome.stderr}")
    return Sample(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def middle(samples: list[Sample]) -> Sample:
    """Return the medians."""
    return Sample(median(sample.wall for sample in samples), median(sample.cpu for sample in samples))


def ratio(one: list[Sample], other: list[Sample]) -> str:
    """Say how much longer one takes than the other."""
    first, second = middle(one), middle(other)
    return f"{first.wall / second.wall:.2f} on the clock, {first.cpu / second.cpu:.2f} in CPU time"


if __name__ == "__main__":
    sys.exit(main())
