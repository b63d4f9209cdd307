"""Compiled templates make a run faster and never another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from jinja2 import ModuleLoader
from tests.conftest import ROOT
from tests.templates import bundled_sources

from aegisgen.errors import InputError
from aegisgen.project.rendered import render_all
from aegisgen.project.workspace import Selection, open_workspace
from aegisgen.render import compiled as module
from aegisgen.render import environment
from aegisgen.render.compiled import compile_all, compiled
from aegisgen.render.environment import Templates

NAME = "init-container/deployment-patch.yaml.j2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("compiled")
    compile_all(ROOT / "templates", made)
    return made


@pytest.mark.parametrize("project", ["argocd", "tests/fixtures/full"])
def test_a_project_renders_the_same_from_compiled_templates(project, folder, tmp_path, monkeypatch) -> None:
    shutil.copytree(ROOT / project, tmp_path / "tree")
    monkeypatch.chdir(tmp_path / "tree")
    workspace = open_workspace(Selection())
    rendered = {}
    for name, loader in {"source": None, "compiled": ModuleLoader(folder)}.items():
        monkeypatch.setattr(environment, "compiled", lambda _, loader=loader: loader)
        with monkeypatch.context() as patch:
            if loader:
                patch.setattr("jinja2.Environment.compile", None)
            rendered[name] = render_all(workspace)
    assert rendered["compiled"] == rendered["source"] != []


def test_compiled_templates_are_those_of_these_sources_and_of_this_jinja(folder, tmp_path, monkeypatch) -> None:
    sources = bundled_sources()
    assert compiled(sources, folder)
    assert compiled({**sources, NAME: "# changed\n"}, folder) is None
    assert compiled({**sources, "new.j2": ""}, folder) is None
    assert compiled(sources, tmp_path) is None
    other = tmp_path / "compiler.py"
    other.write_text("# another Jinja\n")
    monkeypatch.setattr(module.jinja2.compiler, "__file__", str(other))
    assert compiled(sources, folder) is None


def test_a_fault_in_a_compiled_template_is_told_by_the_line_of_its_source(folder, monkeypatch) -> None:
    sources = bundled_sources()
    monkeypatch.setattr(environment, "compiled", lambda _: ModuleLoader(folder))
    templates = Templates(sources, {name: f"templates/{name}" for name in sources}, bundled=True)
    with pytest.raises(InputError, match=rf"^templates/{NAME}:[1-9]\d*:1: the template failed: "):
        templates.render(NAME)
