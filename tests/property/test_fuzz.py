"""Whatever a file holds, a command ends with 0, 1 or 2, in bounded time and memory, and without an internal error.

A mutant is a number: `mutant(number)` makes the same one everywhere. The suite plays some; `-m fuzz` plays 20,000 in this
process and 500 by the command line, and `FUZZ_FROM` begins elsewhere.
"""

from __future__ import annotations

import copy
import datetime
import gc
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
import yaml
from tests.conftest import ROOT, aegisgen
from tests.rule_examples import files_of

from aegisgen.rules.table import RULES

START = int(os.environ.get("FUZZ_FROM", "0"))
SECONDS, MEGABYTES = 10, 500
TREE = {
    str(file.relative_to(ROOT / "argocd")): file.read_bytes()
    for file in sorted((ROOT / "argocd").rglob("*"))
    if file.is_file()
}
KUSTOMIZATION = b"""\
resources: [../../../base/api, extra.yaml]
components: [../../../component]
namespace: x
namePrefix: x-
nameSuffix: -y
commonLabels: {a: b}
labels: [{pairs: {c: d}, includeSelectors: true, fields: [{path: a/b, create: true}]}]
commonAnnotations: {e: f}
images: [{name: app, newName: other, newTag: "1", digest: "sha256:00"}]
replicas: [{name: app, count: 2}]
configMapGenerator: [{name: app, behavior: merge, literals: [A=b, C=d], envs: [x.env], files: [a=b.txt], options: {disableNameSuffixHash: true}}]
secretGenerator: [{name: s, literals: [A=b]}]
generatorOptions: {labels: {a: b}, disableNameSuffixHash: true}
patches:
- {path: patch.yaml, target: {kind: Deployment, name: "a.*", labelSelector: "a=b,c!=d", annotationSelector: a in (b)}}
- {patch: '[{"op": "add", "path": "/metadata/labels/x", "value": "y"}]', target: {kind: Job}, options: {allowNameChange: true}}
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: app, labels: {a: b}}
patchesStrategicMerge: [patch.yaml]
patchesJson6902: [{target: {version: v1, kind: Service, name: app}, patch: "- {op: remove, path: /spec}"}]
replacements: [{source: {kind: ConfigMap, name: app, fieldPath: data.A}, targets: [{select: {kind: Deployment}, fieldPaths: [spec.replicas]}]}]
vars: [{name: A, objref: {kind: Service, name: app, apiVersion: v1}, fieldref: {fieldpath: metadata.name}}]
sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Namespace], orderLast: [Job]}}
helmCharts: [{name: x, repo: "https://example.com"}]
openapi: {path: x.json}
crds: [x.json]
configurations: [x.yaml]
transformers: [x.yaml]
buildMetadata: [originAnnotations]
"""
FULL = b"""\
apiVersion: aegisgen.dev/v1
kind: EnvironmentProfile
metadata: {name: production}
spec:
  namespace: production
  namePrefix: production-
  image: {tag: production, pullPolicy: Always}
  strategy: presync-job
  hook: {wave: -1, configWave: -4, deletePolicy: BeforeHookCreation}
  job: {backoffLimit: 3, ttl: 7d, deadline: 30m, annotations: {a.b/c: d}, labels: {e: f}}
  migrations: {tool: knex, env: {NODE_ENV: production}, lock: {module: pg}}
  database: {postgres: {version: 17}, config: {from: hook, rename: {}}, secret: {name: s, every: true}}
  resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
  backup: {storage: {persistentVolumeClaim: {name: backups}}, retention: {keep: 3}}
  dryRun: {env: {A: b}}
  checks: {run: [{name: a, sql: SELECT 1, expect: {equals: 1}}]}
  security: {serviceAccount: {create: true}, networkPolicy: {enabled: true}}
  approval: {enabled: true}
  application: {name: x, project: default}
  notifications: {success: {url: "https://example.com"}}
  metrics: {pushgateway: "http://gate:9091"}
  rollback: {automatic: true}
  runbook: {people: {onCall: "#ops"}}
  services: {api: {replicas: 3, config: {DATABASE_HOST: db, A: "b"}}}
"""
EXAMPLES = tuple(
    text.encode()
    for rule in RULES.values()
    for example in (rule.text.bad, rule.text.good)
    for text in files_of(example).values()
)
PATCHES = tuple(
    content for name, content in TREE.items() if name.endswith(("-patch.yaml", "-job.yaml", "deployment.yaml"))
)
# What a file may be replaced by before it is mutated.
STARTS: dict[str, tuple[bytes, ...]] = {
    "aegisgen.yaml": (TREE["aegisgen.yaml"],),
    "profiles/production.yaml": (TREE["profiles/production.yaml"], FULL),
    "profiles/staging.yaml": (TREE["profiles/staging.yaml"],),
    "overlays/production/api/kustomization.yaml": (TREE["overlays/production/api/kustomization.yaml"], KUSTOMIZATION),
    "overlays/staging/api/kustomization.yaml": (TREE["overlays/staging/api/kustomization.yaml"],),
    "base/api/kustomization.yaml": (TREE["base/api/kustomization.yaml"], KUSTOMIZATION),
    "base/api/deployment.yaml": (TREE["base/api/deployment.yaml"], *EXAMPLES, *PATCHES),
    "overlays/staging/api/deployment-patch.yaml": (TREE["overlays/staging/api/deployment-patch.yaml"], *EXAMPLES),
    "overlays/production/api/migration-job.yaml": (TREE["overlays/production/api/migration-job.yaml"], *EXAMPLES),
    "apps/extra.yaml": EXAMPLES,
}
TEXTS = (
    "", " ", "\n", "a\n", "x" * 70_000, "é\u2028\u202e", "\x1b[2J", "{{ x }}", "../../../x", "/", ".", "..", "$(A)", "1h", "-1", "a/b:c@d",
    "*", "a=b", "[", "{a: b}", "- a", "a: b\nc: d\n", "kind: Job\napiVersion: v1", "%s", "{}", "~", "::error::", "metadata.name", "a" * 64, "A_B",
    "http://127.0.0.1:9/x", "sha256:" + "0" * 64, "* * * * *", "/spec/a/-", "0", "1e3", "9" * 400, "\ud800", "null", "yes", "a,b", "(", "a[", "\\",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 10**300, 1.5, -0.0, float("inf"), float("nan"), 1e300)
VALUES: tuple[object, ...] = (
    *TEXTS, *NUMBERS, None, True, False, [], {}, [None], [[]], [{}], {"a": None}, {"": ""}, {"a": {"b": "c"}}, [1, "a", None], {"name": "x"},
    [{"name": None}], {"kind": "Job"}, {1: 2}, {None: 1}, {True: 1}, {"x" * 300: 1}, datetime.date(2020, 1, 1), b"\xff\x00",
)  # fmt: skip
PIECES = (
    b"\xff", b"\x00", b"\xef\xbb\xbf", b"\r\n", b"\t", b"---\n", b"...\n", b"--- ", b"%YAML 9.9\n", b"&a ", b"*a", b"<<: *a\n", b"<<: [1]\n", b"!x ",
    b"!!int ", b"!!binary ", b"!!null ", b"!!set ", b"? ", b"? [a]\n: b\n", b"- ", b": ", b"[", b"{", b"]", b"}", b"|\n", b">-\n", b"'", b'"', b"#", b"@", b"`", b",",
    b"[" * 190, b"[" * 900, b"- " * 250, b"{a: " * 300, b"&a [*a]", b"a: &b [*b, *b]\n", b"\x1b[2J", "\u2028".encode(), b"\xed\xa0\x80", b"9" * 5000, b"kind: {a: b}\n",
    b"apiVersion: [v1]\n", b"metadata: 1\n", b"spec: []\n", b"# aegisgen: ignore[H105]\n", b"# aegisgen: ignore[\n", b"# Code generated by aegisgen from x. DO NOT EDIT.\n",
    b"a0: &a0 [x, x, x, x, x, x, x, x]\n" + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)),
)  # fmt: skip
COMMANDS = (
    (30, ("validate", "--no-compose", "--jobs", "1", "argocd")),
    (12, ("check", "--all", "--no-compose", "--jobs", "1")),
    (8, ("render", "--all", "--diff")),
    (3, ("render", "--all", "--stdout")),
    (3, ("check", "production", "--jobs", "1", "--format", "sarif")),
    (1, ("plan", "production")),
    (1, ("plan", "--path", "argocd/overlays/production/api", "--format", "svg")),
    (1, ("adopt", "argocd/overlays")),
    (1, ("runbook", "production")),
)


class Mutant(NamedTuple):
    """A tree with changed files, and what is run on it."""

    number: int
    files: dict[str, bytes]
    command: tuple[str, ...]


def mutant(number: int) -> Mutant:
    random = Random(number)
    files = {}
    for path in random.sample(sorted(STARTS), random.choice((1, 1, 1, 2))):
        content = random.choice(STARTS[path])
        for _ in range(random.choice((1, 1, 2, 4))):
            content = _in_bytes(random, content) if random.random() < 0.3 else _in_data(random, content)
        files[path] = content
    weights = [weight for weight, _ in COMMANDS]
    return Mutant(number, files, random.choices([command for _, command in COMMANDS], weights)[0])


def _in_bytes(random: Random, content: bytes) -> bytes:
    at = random.randrange(len(content) + 1)
    action = random.randrange(6)
    if action == 0:
        return content[:at]
    if action == 1:
        return content[:at] + random.randbytes(random.randrange(1, 9)) + content[at + random.randrange(9) :]
    lines = content.split(b"\n")
    line = random.randrange(len(lines))
    if action == 2:
        lines.insert(random.randrange(len(lines)), lines[line])
    elif action == 3:
        del lines[line]
    elif action == 4:
        lines[line] = b" " * random.randrange(12) + lines[line].lstrip()
    else:
        return content[:at] + random.choice(PIECES) + content[at:]
    return b"\n".join(lines)


def _in_data(random: Random, content: bytes) -> bytes:
    try:
        documents = list(yaml.load_all(content, yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError, LookupError, TypeError, RecursionError):  # PyYAML's own, on strange tags
        return _in_bytes(random, content)
    found = (place for index, document in enumerate(documents) for place in _places(document, (index,)))
    places = list(islice(found, 5001))  # aliases may stand for any number of them
    if not places or len(places) > 5000:
        return _in_bytes(random, content)
    path = random.choice(places)
    parent = documents
    for part in path[:-1]:
        parent = parent[part]
    action, last = random.randrange(6), path[-1]
    if action <= 2:
        parent[last] = copy.deepcopy(random.choice(VALUES))
    elif action == 3:
        del parent[last]
    elif action == 4:
        other = random.choice(places)
        value = documents
        for part in other:
            value = value[part]
        parent[last] = copy.deepcopy(value)
    elif isinstance(parent, dict):
        parent[random.choice(TEXTS)] = parent[last]
    else:
        parent.append(parent[last])
    return _dumped(documents, content)


def _dumped(documents: list[object], content: bytes) -> bytes:
    try:
        return yaml.dump_all(documents, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False).encode(
            "utf-8", "surrogatepass"
        )
    except (yaml.YAMLError, UnicodeEncodeError, TypeError, RecursionError):
        return content + b"\n: x"


def _places(data: object, path: tuple) -> Iterator[tuple]:
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items)[:300]:
        if len(path) < 30:
            yield from _places(value, (*path, key))


class Playground:
    """A tree on disk that mutants change and that is put right again after each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "argocd", folder / "argocd")
        self._component = folder / "argocd/component/kustomization.yaml"
        self._component.parent.mkdir()
        self._component.write_text("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")

    def spoil(self, mutant: Mutant) -> None:
        for path, content in mutant.files.items():
            file = self.folder / "argocd" / path
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)

    def heal(self, mutant: Mutant) -> None:
        for path in mutant.files:
            file = self.folder / "argocd" / path
            file.write_bytes(TREE[path]) if path in TREE else file.unlink()


@pytest.fixture
def playground(tmp_path, monkeypatch) -> Playground:
    monkeypatch.chdir(tmp_path)
    return Playground(tmp_path)


def played(playground: Playground, mutant: Mutant) -> str:
    """Run a mutant in this process, and return what is wrong with how it ended; empty: nothing."""
    playground.spoil(mutant)

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor's time: other work must not fail a test
    try:
        outcome = aegisgen(*mutant.command)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        frame = next((each for each in reversed(frames) if "aegisgen" in each.filename), frames[-1])
        return f"{type(error).__name__}: {str(error)[:150]!r} in {frame.filename.rpartition('aegisgen/')[2]}:{frame.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        playground.heal(mutant)
    if outcome.code not in {0, 1, 2} or (outcome.code == 2 and not outcome.err.strip()):
        return f"exit code {outcome.code}: {outcome.err[:200]!r}"
    if "internal error" in outcome.err or "Traceback" in outcome.err:
        return f"internal error: {outcome.err[:200]!r}"
    return ""


def play(playground: Playground, numbers: range) -> Counter[str]:
    """Play mutants, and count the ways in which any ended wrongly, each with the first number that did."""
    first: dict[str, int] = {}
    found: Counter[str] = Counter()
    for number in numbers:
        wrong = played(playground, mutant(number))
        if wrong:
            found[wrong] += 1
            first.setdefault(wrong, number)
        if number % 500 == 0:
            gc.collect()
    return Counter(
        {f"{wrong} (mutant {first[wrong]}: {mutant(first[wrong]).command[0]})": times for wrong, times in found.items()}
    )


def command_line(playground: Playground, numbers: range) -> Counter[str]:
    """Play mutants by the command line, under limits."""
    found: Counter[str] = Counter()
    environment = {name: value for name, value in os.environ.items() if name != "AEGISGEN_TRACEBACK"}
    for number in numbers:
        each = mutant(number)
        playground.spoil(each)
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "aegisgen", *each.command], stdout=subprocess.DEVNULL, stderr=said, env=environment,
                # More of the processor's time than this ends the process by a signal, and so the test.
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)),  # noqa: PLW1509 - no threads
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)  # of this process and its own children alone
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            err = said.read()
        playground.heal(each)
        what = f"mutant {number}: {each.command[0]}"
        if process.returncode not in {0, 1, 2} or b"internal error" in err or b"Traceback" in err:
            found[f"{what} ended with {process.returncode}: {err[-300:]!r}"] += 1
        if usage.ru_maxrss > MEGABYTES * 1024:
            found[f"{what} took {usage.ru_maxrss // 1024} MB"] += 1
    return found


def test_mutants_end_as_they_should(playground) -> None:
    assert play(playground, range(START, START + 100)) == {}


def test_mutants_end_as_they_should_by_the_command_line(playground) -> None:
    assert command_line(playground, range(START, START + 4)) == {}


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(20))
def test_very_many_mutants(playground, part: int) -> None:
    assert play(playground, range(START + part * 1000, START + (part + 1) * 1000)) == {}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MEGABYTES * 1024


@pytest.mark.fuzz
def test_many_mutants_by_the_command_line(playground) -> None:
    assert command_line(playground, range(START + 20_000, START + 20_500)) == {}
