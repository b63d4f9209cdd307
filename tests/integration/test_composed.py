"""What was composed before is used only where Kustomize would give the same again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.tools import need
from tests.trees import executable

from aegisgen.errors import CompositionError
from aegisgen.kube import composed as module
from aegisgen.kube.cache import Cache
from aegisgen.kube.closure import Reader
from aegisgen.kube.compose import Composition, compose, composer
from aegisgen.kube.composed import compose_once
from aegisgen.kube.overlay import overlay_of

pytestmark = [pytest.mark.tools, pytest.mark.usefixtures("kustomize")]

FOLDER = ROOT / "tests/fixtures/composed"
FILES = {file.relative_to(FOLDER).as_posix(): file.read_text() for file in FOLDER.rglob("*") if file.is_file()}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "tree"))


class Composer:
    """Composes with a cache, and counts how often Kustomize was really asked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache = Cache(folder)
        self.builds = 0
        real = module.run_build

        def counted(*given: object) -> object:
            self.builds += 1
            return real(*given)

        monkeypatch.setattr(module, "run_build", counted)

    def __call__(self, directory: Path) -> object:
        reader = Reader()
        overlay = overlay_of(reader, directory.as_posix())
        try:
            return plain(compose_once(directory, overlay, reader, self.cache))
        except CompositionError as error:
            return str(error)


def plain(composition: Composition) -> object:
    return [(document.source, document.line, document.data) for document in composition.documents], composition.warnings


def fresh(directory: Path) -> object:
    try:
        return plain(compose(directory))
    except CompositionError as error:
        return str(error)


@pytest.fixture
def cached(tmp_path, monkeypatch) -> Composer:
    module._tool.cache_clear()
    return Composer(tmp_path / "cache", monkeypatch)


def test_the_same_files_are_composed_once(tree, cached) -> None:
    first, second = cached(tree / "overlay"), cached(tree / "overlay")
    assert cached.builds == 1
    assert first == second == fresh(tree / "overlay")
    assert "'patchesStrategicMerge' is deprecated" in str(second)


def test_the_same_files_in_another_place_are_composed_once_and_are_told_from_each_other(tree, cached, tmp_path) -> None:
    cached(tree / "overlay")
    shutil.copytree(tree, tmp_path / "other")
    assert cached(tmp_path / "other/overlay") == fresh(tmp_path / "other/overlay")
    assert cached.builds == 1


CHANGES = {
    "overlay/kustomization.yaml": ("A=1", "A=2"),
    "overlay/extra.yaml": ("db-1", "db-2"),
    "overlay/patch.yaml": ("replicas: 2", "replicas: 3"),
    "overlay/operations.yaml": ("81", "82"),
    "overlay/app.ini": ("1", "2"),
    "overlay/other.ini": ("1", "2"),
    "overlay/settings.env": ("info", "debug"),
    "overlay/replacement.yaml": ("hostname", "subdomain"),
    "base/kustomization.yml": ("resources", "namePrefix: b-\nresources"),
    "base/deployment.yaml": ("image: a", "image: b"),
    "base/merge.yaml": ("team: a", "team: b"),
    "base/more/Kustomization": ("resources", "namePrefix: b-\nresources"),
    "base/more/service.yaml": ("name: api", "name: web"),
    "component/kustomization.yaml": ("resources", "nameSuffix: -b\nresources"),
    "component/shared.yaml": ("'1'", "'2'"),
}


def test_a_change_of_any_input_is_seen(tree, cached) -> None:
    assert CHANGES.keys() == FILES.keys()
    before = cached(tree / "overlay")
    for number, (name, (old, new)) in enumerate(CHANGES.items(), 1):
        assert old in FILES[name]
        (tree / name).write_text(FILES[name].replace(old, new))
        after = cached(tree / "overlay")
        assert (name, cached.builds) == (name, 1 + number)
        assert after != before, f"{name}: the change was to change what is composed"
        assert after == cached(tree / "overlay")
        (tree / name).write_text(FILES[name])
        assert cached(tree / "overlay") == before
    assert cached.builds == 1 + len(CHANGES), "what each was before is known still"


def test_a_file_that_goes_or_becomes_a_link_is_seen(tree, cached, tmp_path) -> None:
    """Kustomize refuses a file that really lies elsewhere, though it reads the same."""
    before = cached(tree / "overlay")
    for name in FILES:
        builds = cached.builds
        (tree / name).rename(tmp_path / "elsewhere.yaml")
        assert cached(tree / "overlay") != before
        (tree / name).symlink_to(tmp_path / "elsewhere.yaml")
        assert cached(tree / "overlay") != before
        assert (name, cached.builds) == (name, builds + 2)
        (tmp_path / "elsewhere.yaml").rename(tree / name)
    assert cached(tree / "overlay") == before


def test_a_folder_that_becomes_a_link_is_seen(tree, cached, tmp_path) -> None:
    cached(tree / "overlay")
    (tmp_path / "far/away").mkdir(parents=True)
    for number, name in enumerate(["base", "base/more", "component", "overlay"]):
        moved = (tree / name).rename(tmp_path / "far/away/folder")
        (tree / name).symlink_to(moved)
        cached(tree / "overlay")
        assert (name, cached.builds) == (name, 2 + number)
        (tree / name).unlink()
        moved.rename(tree / name)
    assert cached(tree / "overlay") == fresh(tree / "overlay")


def test_a_second_kustomization_or_a_file_for_a_folder_is_seen(tree, cached) -> None:
    before = cached(tree / "overlay")
    for name in ("base/kustomization.yaml", "overlay/Kustomization", "component/kustomization.yml"):
        (tree / name).write_text("resources: []\n")
        assert "Found multiple kustomization files" in cached(tree / "overlay")
        (tree / name).unlink()
    shutil.rmtree(tree / "base/more")
    (tree / "base/more").write_text(FILES["base/more/service.yaml"].replace("name: api", "name: web"))
    assert cached(tree / "overlay") != before
    assert cached(tree / "overlay") == fresh(tree / "overlay")


@pytest.mark.parametrize(
    ("addition", "files"),
    [
        ("secretGenerator: [{name: s, literals: [password=hunter2]}]\n", {}),
        ("configMapGenerator: [{name: home, envs: [home.env]}]\n", {"home.env": "HOME\n"}),
        ("configMapGenerator: [{name: none, envs: [none.env]}]\n", {"none.env": "# no value\nHOME\n"}),
        ("openapi: {path: api.json}\n", {"api.json": "{}"}),
        ("configurations: [config.yaml]\n", {"config.yaml": "namePrefix: []\n"}),
        ("crds: [crd.json]\n", {"crd.json": "{}"}),
        ("transformers: [prefix.yaml]\n", {"prefix.yaml": "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: x-\nfieldSpecs: [{path: metadata/name}]\n"}),
        ("buildMetadata: [originAnnotations]\n", {}),
        ("configMapGenerator: [{name: keys, Files: [home.env]}]\n", {"home.env": "a"}),
        ("resources: [secret.yaml]\n", {"secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n"}),
    ],
)  # fmt: skip
def test_what_may_read_more_than_is_known_or_holds_a_secret_is_composed_each_time(
    tree, cached, addition, files
) -> None:
    folder = tree / "base"
    kustomization = folder / "kustomization.yml"
    text = FILES["base/kustomization.yml"]
    if addition.startswith("resources"):
        text, addition = text.replace("more]", "more, secret.yaml]"), ""
    kustomization.write_text(text + addition)
    for name, content in files.items():
        (folder / name).write_text(content)

    assert cached(tree / "overlay") == cached(tree / "overlay")

    assert cached.builds == 2
    kept = [file for file in cached.cache.folder.rglob("*") if file.is_file()]
    assert len(kept) <= 1, "nothing but the tool's digest"


def test_a_build_that_fails_is_tried_again(tree, cached) -> None:
    (tree / "base/deployment.yaml").write_text("kind: [\n")
    assert cached(tree / "overlay") == cached(tree / "overlay") == fresh(tree / "overlay")
    assert cached.builds == 2


def test_a_file_that_changes_while_kustomize_reads_it_spoils_nothing(tree, cached, monkeypatch) -> None:
    counted = module.run_build
    file = tree / "overlay/extra.yaml"

    def meanwhile(*given: object) -> object:
        file.write_text(FILES["overlay/extra.yaml"].replace("db-1", "db-9"))
        output = counted(*given)
        file.write_text(FILES["overlay/extra.yaml"])  # as it was: only its times tell
        return output

    monkeypatch.setattr(module, "run_build", meanwhile)
    assert "db-9" in str(cached(tree / "overlay"))
    monkeypatch.setattr(module, "run_build", counted)
    assert cached(tree / "overlay") == fresh(tree / "overlay")


def test_another_program_is_another_answer(tree, cached, tmp_path, monkeypatch) -> None:
    command = composer()
    assert command
    program = need("kustomize")
    cached(tree / "overlay")
    other = tmp_path / "bin/kustomize"
    other.parent.mkdir()
    shutil.copy(program, other)
    monkeypatch.setenv("PATH", f"{other.parent}:{os.environ['PATH']}")
    cached(tree / "overlay")
    assert cached.builds == 1, "the same bytes in another place"

    with other.open("ab") as stream:
        stream.write(b"a build of its own")
    module._tool.cache_clear()
    assert cached(tree / "overlay") == fresh(tree / "overlay")
    assert cached.builds == 2


def test_a_script_that_starts_kustomize_is_asked_for_its_version_each_time(tree, cached, tmp_path, monkeypatch) -> None:
    version = tmp_path / "version"
    version.write_text("v5.0.0")
    real = " ".join(composer() or ())
    shim = executable(
        tmp_path / "bin/kustomize", f'if [ "$1" = version ]; then cat {version}; else shift; exec {real} "$@"; fi'
    )
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    for said, builds in (("v5.0.0", 1), ("v5.0.0", 1), ("v5.1.0", 2), ("v5.0.0", 2)):
        version.write_text(said)
        module._tool.cache_clear()  # as in a new process
        cached(tree / "overlay")
        assert cached.builds == builds
    version.write_text("")
    module._tool.cache_clear()
    cached(tree / "overlay")
    assert cached.builds == 3, "who says nothing of himself is not believed to be the same"


@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped", "swapped"])
def test_a_check_is_right_whatever_became_of_the_cache(project, cli, tmp_path, monkeypatch, damage) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}-xdg")
    base = project / "base/api/deployment.yaml"
    good, bad = base.read_text(), base.read_text().replace("containerPort: 3333", "containerPort: http")
    outcomes = []
    for text in (good, bad):
        base.write_text(text)
        outcomes.append(cli("check"))
    assert [outcome.code for outcome in outcomes] == [0, 1]
    answers = [file for file in Path(f"{tmp_path}-xdg/aegisgen/answers").rglob("*") if file.is_file()]
    assert len(answers) >= 4
    contents = [file.read_bytes() for file in answers]
    for number, file in enumerate(answers):
        whole = contents[number]
        file.write_bytes(
            {
                "truncated": whole[: len(whole) // 2],
                "emptied": b"",
                "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
                "swapped": contents[number - 1],
            }[damage]
        )
    for text, expected in zip((good, bad), outcomes, strict=True):
        base.write_text(text)
        assert cli("check") == expected


def test_without_a_cache_nothing_is_read_or_written(project, cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}-xdg")
    assert cli("check", "--no-cache").code == 0
    assert cli("validate", "--no-cache", "argocd").code == 0
    assert not Path(f"{tmp_path}-xdg/aegisgen/answers").exists()
    assert cli("validate", "argocd").code == 0
    assert Path(f"{tmp_path}-xdg/aegisgen/answers").exists()


@pytest.mark.slow
def test_eight_checks_at_once_with_one_cache_agree(project, tmp_path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "generator"), "XDG_CACHE_HOME": f"{tmp_path}-xdg"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "aegisgen", "check"], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    said = {(process.communicate()[0], process.returncode) for process in running}
    assert len(said) == 1
    assert next(iter(said))[1] == 0
