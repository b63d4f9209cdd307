"""Compare aegisgen on whole fleets with what people would run instead, and see how both grow.

    python benchmarks/fleet.py                          1 to 4,000 services x 2 environments: half an hour
    python benchmarks/fleet.py --sizes 1,10,100         smaller fleets: some minutes
    python benchmarks/fleet.py --write                  also put the figures and the plot into docs/
    python benchmarks/fleet.py --rounds 9               more rounds, for a machine with other work to do

What is measured, each as a new process, all of them one after the other in every round, so that all see the same
machine and the same files:

    check          aegisgen check --no-compose, with an empty cache folder: drift, schemas, static rules
    composed       aegisgen check, with what was composed before in the cache
    changed        aegisgen check --changed-since HEAD, after one service got another comment (its two overlays are
                   composed anew each time)
    one service    aegisgen check of the AegisX tree, with an empty cache folder
    pipe           kustomize build of each overlay, all of them piped into kubeconform -strict -n 2
    two at a time  kustomize build of two overlays at a time into files, then kubeconform -strict -n 2 on these
    kustomize      kustomize build of each overlay, two at a time, and nothing else
    validate       kubernetes-validate --strict on files that kustomize built before

The peers get a sample of the overlays (--sample), every n-th of them, and their times are scaled to the whole, which
does not change their figures a service: they start a process for each. kubernetes-validate gets a tenth of it.

Ratios are those of medians. Memory is the largest sum of what a command's processes held by themselves at one time.
The growth exponent is the slope of a line through the logarithms, from 100 services on: 1 is linear. Exit code 2 where
a tool is missing.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import fleets
import plot
from bulk_validate import Sample, measure

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = f"{ROOT}/schemas/kubernetes/v1.34/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
KUBECONFORM = f"kubeconform -strict -n 2 -schema-location '{SCHEMAS}'"
TOOLS = ("aegisgen", "git", "kustomize", "kubeconform", "kubernetes-validate", "xargs")
PAGE, PLOT = ROOT / "docs/performance.md", ROOT / "docs/performance.svg"
BEGIN, END = "<!-- begin figures -->\n", "<!-- end figures -->\n"
WARM_UP_ROUNDS = 1
GROWING_FROM = 100
# The fleet that promises are about.
PROMISED = 1000
# Composing all overlays of a larger fleet once, to fill the cache, takes longer than all else together.
COMPOSED_UP_TO = 1000


class Subject(NamedTuple):
    """What is measured: how its command is made, anew each time, and what its time is multiplied by."""

    name: str
    command: Callable[[], list[str]]
    scale: float = 1
    most: int = 10**9
    """In how many rounds at most."""


class Fleet(NamedTuple):
    """A fleet on disk, with the overlays that the peers get."""

    services: int
    folder: Path
    sample: list[str]

    @property
    def overlays(self) -> int:
        return self.services * len(fleets.ENVIRONMENTS)


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1,10,100,1000,4000", metavar="N,N", help="how many services")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each command runs (5)")
    parser.add_argument("--sample", type=int, default=100, metavar="N", help="how many overlays the peers get (100)")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} and {PLOT.name} in docs/")
    options = parser.parse_args()
    here = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(here), os.environ.get("PATH", os.defpath), str(ROOT / ".tools/bin")])
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as users run it
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"not on PATH: {', '.join(missing)}; .ci/tools builds kustomize and kubeconform", file=sys.stderr)
        return 2

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        single = run(_single(Path(scratch)), options.rounds * 2, ROOT)
        found: dict[int, dict[str, list[Sample]]] = {}
        for size in map(int, options.sizes.split(",")):
            print(f"{size} services ...", file=sys.stderr)
            fleet = make(Path(scratch, str(size)), size, options.sample)
            found[size] = run(_subjects(fleet), options.rounds, fleet.folder)
            shutil.rmtree(fleet.folder)
    text = "\n".join(
        [
            described(options.rounds, options.sample, load),
            "",
            *table(found),
            "",
            *started(single),
            "",
            *kept(found, single),
        ]
    )
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        head, tail = page.partition(BEGIN)[0], page.partition(END)[2]
        image = f"![Seconds over services, both axes logarithmic]({PLOT.name})"
        PAGE.write_text(f"{head}{BEGIN}\n{text}\n\n{image}\n\n{END}{tail}", encoding="utf-8")
        PLOT.write_text(plot.svg(_lines(found)), encoding="utf-8")
    return 0


def make(folder: Path, services: int, sample: int) -> Fleet:
    """Write a fleet, commit it, and choose the overlays that the peers get."""
    fleets.write(folder, services)
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "The fleet"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    overlays = sorted(path.relative_to(folder).as_posix() for path in folder.glob("argocd/overlays/*/*"))
    chosen = overlays[:: max(1, len(overlays) // sample)][:sample]
    (folder / ".git/sample").write_text("\n".join(chosen) + "\n")
    return Fleet(services, folder, chosen)


def run(subjects: list[Subject], rounds: int, directory: Path) -> dict[str, list[Sample]]:
    """Run all subjects in turn, as often as asked; the first time, which does not count, with an eye on memory."""
    samples: dict[str, list[Sample]] = {subject.name: [] for subject in subjects}
    memory: dict[str, int] = {}
    for number in range(WARM_UP_ROUNDS + rounds):
        for subject in subjects:
            if number - WARM_UP_ROUNDS >= subject.most:
                continue
            sample = measure(subject.name, subject.command(), directory, watched=number < WARM_UP_ROUNDS)
            if number < WARM_UP_ROUNDS:
                memory[subject.name] = sample.memory
            else:
                scaled = Sample(sample.wall * subject.scale, sample.cpu * subject.scale, memory[subject.name])
                samples[subject.name].append(scaled)
    return samples


def _subjects(fleet: Fleet) -> list[Subject]:
    numbers = count()
    scratch = Path(tempfile.mkdtemp(dir=fleet.folder.parent))
    one = next(subject for subject in _single(scratch) if subject.name == "aegisgen check")
    scale = fleet.overlays / len(fleet.sample)
    few = fleet.sample[:: max(1, len(fleet.sample) // 10)]
    built = scratch / "built"
    built.mkdir()
    for overlay in few:
        file = built / f"{overlay.replace('/', '_')}.yaml"
        subprocess.run(["kustomize", "build", overlay, "-o", file], cwd=fleet.folder, check=True)
    first = fleet.folder / "argocd/base" / Path(fleet.sample[0]).name / "configmap.yaml"

    def cold() -> list[str]:
        return ["env", f"XDG_CACHE_HOME={scratch}/empty-{next(numbers)}", "aegisgen", "check", "--no-compose"]

    def warm(*more: str) -> list[str]:
        return ["env", f"XDG_CACHE_HOME={scratch}/cache", "aegisgen", "check", *more]

    def changed() -> list[str]:
        first.write_text(first.read_text() + f"# {next(numbers)}\n")
        return warm("--changed-since", "HEAD")

    def shell(script: str) -> Callable[[], list[str]]:
        return lambda: ["bash", "-euo", "pipefail", "-c", script]

    each = "while read -r overlay; do kustomize build $overlay; echo ---; done <.git/sample"
    two = "xargs -P 2 -I{} -a .git/sample"
    out = f"{scratch}/out"
    into_files = f"{two} sh -c 'kustomize build {{}} -o {out}/$(echo {{}} | tr / _).yaml'"
    validate = ["kubernetes-validate", "--strict", "--quiet", "-k", "1.34", *map(str, built.iterdir())]
    return [
        Subject("check", cold),
        *([Subject("composed", warm)] if fleet.services <= COMPOSED_UP_TO else []),
        Subject("changed", changed),
        # Beside it in every round: minutes apart, the machine is not as fast.
        Subject("one service", lambda: ["env", "-C", str(ROOT), *one.command()]),
        Subject("pipe", shell(f"{each} | {KUBECONFORM}"), scale, 3),
        Subject("two at a time", shell(f"rm -rf {out}; mkdir {out}; {into_files}; {KUBECONFORM} {out}"), scale, 3),
        Subject("kustomize", shell(f"{two} kustomize build {{}} >{scratch}/all"), scale, 3),
        Subject("validate", lambda: validate, fleet.overlays / len(few), 3),
    ]


def _single(scratch: Path) -> list[Subject]:
    """What starting costs, on the AegisX tree: one service in two environments."""
    numbers = count()

    def cold(*more: str) -> list[str]:
        return ["env", f"XDG_CACHE_HOME={scratch}/single-{next(numbers)}", "aegisgen", "check", *more]

    build = " echo ---; ".join(f"kustomize build argocd/overlays/{name}/api;" for name in fleets.ENVIRONMENTS)
    return [
        Subject("python -c pass", lambda: [sys.executable, "-c", "pass"]),
        Subject("aegisgen --version", lambda: ["aegisgen", "--version"]),
        Subject("aegisgen check --no-compose", lambda: cold("--no-compose")),
        Subject("aegisgen check", cold),
        Subject(
            "kustomize and kubeconform", lambda: ["bash", "-euo", "pipefail", "-c", f"{{ {build} }} | {KUBECONFORM}"]
        ),
    ]


def described(rounds: int, sample: int, load: float) -> str:
    """Say what machine and what versions this was."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in _text("/proc/cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = next((line.split()[1] for line in _text("/proc/meminfo").splitlines() if line.startswith("MemTotal")), "0")
    kustomize = subprocess.run(["kustomize", "version"], capture_output=True, text=True, check=True).stdout.strip()
    kubeconform = subprocess.run(["kubeconform", "-v"], capture_output=True, text=True, check=True).stdout.strip()
    aegisgen = subprocess.run(["aegisgen", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores of {model}, {int(memory) / 1e6:.0f} GB; "
        f"Python {platform.python_version()}, {aegisgen}, kustomize {kustomize}, kubeconform {kubeconform}. Medians of "
        f"{rounds} rounds; of the peers 3, on {sample} overlays, scaled. Load before: {load:.1f}."
    )


def table(found: dict[int, dict[str, list[Sample]]]) -> list[str]:
    """Return the figures as a Markdown table, in seconds."""
    names = ["check", "composed", "changed", "pipe", "two at a time", "kustomize", "validate"]
    lines = ["| services x 2 | " + " | ".join(names) + " | memory of check |", "|---:|" + "---:|" * (len(names) + 1)]
    for size, samples in found.items():
        cells = [f"{wall(samples[name]):.2f}" if samples.get(name) else "" for name in names]
        lines.append(f"| {size:,} | " + " | ".join(cells) + f" | {samples['check'][0].memory / 1e6:.0f} MB |")
    return lines


def started(single: dict[str, list[Sample]]) -> list[str]:
    """Return what starting costs as a Markdown table, in milliseconds."""
    lines = ["| one service in two environments | ms | CPU ms |", "|---|---:|---:|"]
    return [
        *lines,
        *(
            f"| `{name}` | {1000 * wall(each):.0f} | {1000 * median(one.cpu for one in each):.0f} |"
            for name, each in single.items()
        ),
    ]


def kept(found: dict[int, dict[str, list[Sample]]], single: dict[str, list[Sample]]) -> list[str]:
    """Return what was promised beside what was measured."""
    lines = ["| promised | measured | in CPU time | |", "|---|---:|---:|---|"]

    def add(promise: str, limit: float, own: list[Sample], other: list[Sample]) -> None:
        ratio, busy = wall(own) / wall(other), cpu(own) / cpu(other)
        lines.append(f"| {promise} | {ratio:.3g} | {busy:.3g} | {'kept' if ratio <= limit else 'NOT KEPT'} |")

    def say(promise: str, limit: float, measured: float) -> None:
        lines.append(f"| {promise} | {measured:.3g} | | {'kept' if measured <= limit else 'NOT KEPT'} |")

    one = single["aegisgen check --no-compose"]
    add("`--version` within 2.5 of an empty program", 2.5, single["aegisgen --version"], single["python -c pass"])
    add("cold check of one service within its peers' time", 1, one, single["kustomize and kubeconform"])
    if PROMISED in found:
        samples = found[PROMISED]
        for name in ("pipe", "two at a time"):
            add(f"{PROMISED:,} services, cold: at most 1/20 of '{name}'", 1 / 20, samples["check"], samples[name])
            add(f"composed, warm cache: at most 1/5 of '{name}'", 1 / 5, samples["composed"], samples[name])
        add("one changed service: under twice the cold start of one", 2, samples["changed"], samples["one service"])
    growing = {size: samples["check"] for size, samples in found.items() if size >= GROWING_FROM}
    if len(growing) > 1:
        last = max(growing)
        say("exponent of time at most 1.05", 1.05, exponent({size: wall(each) for size, each in growing.items()}))
        say("exponent of CPU time at most 1.05", 1.05, exponent({size: cpu(each) for size, each in growing.items()}))
        say("exponent of memory at most 1.05", 1.05, exponent({size: each[0].memory for size, each in growing.items()}))
        say(f"MB of memory at {last:,} services under 300", 300, growing[last][0].memory / 1e6)
    return lines


def exponent(values: dict[int, float]) -> float:
    """Return the slope of the line of least squares through the logarithms."""
    points = [(math.log(size), math.log(value)) for size, value in values.items()]
    middle = [sum(axis) / len(points) for axis in zip(*points, strict=True)]
    above = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
    return above / sum((x - middle[0]) ** 2 for x, _ in points)


def wall(samples: list[Sample]) -> float:
    """Return the median on the clock, in seconds."""
    return median(sample.wall for sample in samples)


def cpu(samples: list[Sample]) -> float:
    """Return the median of all processors' seconds."""
    return median(sample.cpu for sample in samples)


def _lines(found: dict[int, dict[str, list[Sample]]]) -> dict[str, dict[int, float]]:
    names = {
        "kustomize, kubeconform": "pipe", "the same, two at a time": "two at a time",
        "check, composed (cached)": "composed", "check": "check", "one changed service": "changed",
    }  # fmt: skip
    return {
        title: {size: wall(each[name]) for size, each in found.items() if each.get(name)}
        for title, name in names.items()
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
