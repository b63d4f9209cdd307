"""Which PostgreSQL a rehearsal runs on, and what is said where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aegisgen.errors import ToolError, UsageError
from aegisgen.rehearsal.postgres import installation
from aegisgen.rehearsal.postgres.installation import at, choose, installations
from aegisgen.rehearsal.postgres.layout import extensions, extensions_at_hand, prepared


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any PostgreSQL, where packagers put theirs into `system`."""
    monkeypatch.setattr(installation, "_FOLDERS", ((str(tmp_path / "system"), "*/bin", "the packages"),))
    monkeypatch.setattr(
        installation, "_WHEELS", (("fake_wheel", "pg/bin", "fake-wheel"), ("poor_wheel", "bin", "poor"))
    )
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path


@pytest.fixture
def install() -> Callable[..., Path]:
    """Puts programs that answer `--version` into a folder."""

    def put(folder: Path, version: str = "17.4", *, missing: str = "", says: str = "postgres (PostgreSQL) {}") -> Path:
        folder.mkdir(parents=True)
        answers = {"postgres": says.format(version), "initdb": "", "pg_config": str(folder.parent / "share")}
        for program, answer in answers.items():
            if program != missing:
                (folder / program).write_text(f"#!/bin/sh\necho '{answer}'\n")
                (folder / program).chmod(0o755)
        (folder.parent / "share/extension").mkdir(parents=True)
        return folder

    return put


def test_a_wheel_comes_before_the_newest_installation(machine: Path, install: Callable[..., Path]) -> None:
    install(machine / "system/18/bin", "18.1 (Debian 18.1-1)")
    install(machine / "system/9/bin", "9.6.24")
    install(machine / "system/15/bin", "15.7")
    install(machine / "site/poor_wheel/bin", "18.6")
    install(machine / "site/fake_wheel/pg/bin", "17.10")
    assert [str(one) for one in installations()] == [
        "PostgreSQL 17.10, from fake-wheel",
        "PostgreSQL 18.6, from poor",
        "PostgreSQL 18.1, from the packages",
        "PostgreSQL 15.7, from the packages",
    ]
    assert choose() == installations()[0]
    assert choose(major=15).version == (15, 7)
    assert choose(major=18).origin == "poor"


def test_programs_on_path_are_found_and_none_is_found_twice(machine: Path, install: Callable[..., Path]) -> None:
    programs = install(machine / "opt/pg/bin", "16.2")
    (machine / "system/16").mkdir(parents=True)
    (machine / "system/16/bin").symlink_to(programs)
    for program in ("postgres", "pg_ctl"):
        (machine / "path" / program).symlink_to(programs / "postgres")
    (machine / "path/pg_config").write_text(f"#!/bin/sh\necho {programs}\n")
    (machine / "path/pg_config").chmod(0o755)
    assert [str(one) for one in installations()] == ["PostgreSQL 16.2, from the packages"]
    (machine / "system/16/bin").unlink()
    assert [str(one) for one in installations()] == ["PostgreSQL 16.2, from PATH"]
    (machine / "path/postgres").unlink()
    (machine / "path/pg_ctl").unlink()
    assert [str(one) for one in installations()] == ["PostgreSQL 16.2, from pg_config"]


def test_without_a_fitting_server_it_is_said_what_was_looked_for_and_what_to_do(machine, install) -> None:
    with pytest.raises(ToolError) as caught:
        choose()
    assert str(caught.value) == (
        "no PostgreSQL server found, neither in a Python package nor in the usual folders nor on PATH (PostgreSQL 15 or "
        "later); install one with: pip install 'aegisgen[rehearse]', or name one with --postgres-bin DIR or "
        "--database-url URL"
    )
    install(machine / "system/15/bin", "15.7")
    with pytest.raises(ToolError) as caught:
        choose(major=16)
    assert str(caught.value) == (
        "--postgres-version 16: no PostgreSQL 16 on this machine, which has PostgreSQL 15.7, from the packages; install "
        "one (Debian, Ubuntu: apt-get install postgresql-16), name its folder with --postgres-bin DIR, or leave the option"
    )


def test_a_folder_that_the_user_names_is_taken_with_or_without_its_bin(machine, install) -> None:
    programs = install(machine / "mine/bin", "18beta2")
    assert at(programs).programs == at(programs.parent).programs == programs
    assert str(at(programs.parent)) == f"PostgreSQL 18.0, from --postgres-bin {programs.parent}"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"missing": "initdb"}, "no program initdb there that can be run"),
        ({"missing": "postgres"}, "no program `postgres` there; expected the folder that has"),
        ({"version": "14.9"}, "that is PostgreSQL 14.9; .* PostgreSQL 15 and later can write"),
        ({"says": "something else {}"}, "does not run there, or is no PostgreSQL's"),
    ],
)
def test_a_folder_that_is_of_no_use_is_explained(machine, install, what, message) -> None:
    programs = install(machine / "mine/bin", **what)
    with pytest.raises(UsageError, match=f"^--postgres-bin .*mine/bin: .*{message}"):
        at(programs)


def test_a_program_that_cannot_be_run_is_no_server(machine: Path, install: Callable[..., Path]) -> None:
    programs = install(machine / "system/16/bin", "16.2")
    (programs / "postgres").write_text("\x7fELF, but of another machine")
    installation._version.cache_clear()
    assert installations() == ()


def test_where_extensions_are_is_said_with_the_option_that_chooses_them(machine, install) -> None:
    for folder, version in (("system/15", "15.7"), ("system/15b", "15.6"), ("site/fake_wheel/pg", "17.10")):
        install(machine / folder / "bin", version)
        (machine / folder / "share/extension/postgis.control").touch()
    found = extensions_at_hand()
    assert found["postgis"] == (
        "PostgreSQL 17.10, from fake-wheel (--postgres-version 17)",
        "PostgreSQL 15.7, from the packages (--postgres-version 15)",
        f"PostgreSQL 15.6, from the packages (--postgres-bin {machine}/system/15b/bin)",
    )
    # Only a wheel is completed with what is written here.
    assert found["uuid-ossp"] == found["postgis"][:1]


def test_a_wheel_without_uuid_ossp_is_copied_and_completed_and_left_as_it_was(machine, install) -> None:
    programs = install(machine / "site/fake_wheel/pg/bin", "17.10")
    (programs / "pg_config").write_text('#!/bin/sh\necho "${0%/*}/../share"\n')
    (machine / "site/fake_wheel.libs").mkdir()
    (machine / "site/fake_wheel.libs/libpq.so").write_text("library")
    copy = prepared(choose(), machine / "copy", None)
    assert copy.programs == machine / "copy/fake_wheel/pg/bin"
    assert sorted(file.name for file in (machine / "copy/fake_wheel/pg/share/extension").iterdir()) == [
        "uuid-ossp--1.1.sql",
        "uuid-ossp.control",
    ]
    assert (machine / "copy/fake_wheel.libs/libpq.so").read_text() == "library"
    assert extensions(choose()) == extensions(copy) == {"uuid-ossp"}
    assert not list((machine / "site/fake_wheel/pg/share/extension").iterdir())


@pytest.mark.parametrize("place", ["share/extension", "share/postgresql/extension", "share/pgsql/extension"])
def test_extensions_are_found_without_pg_config(machine: Path, install: Callable[..., Path], place: str) -> None:
    programs = install(machine / "system/16/bin", "16.2", missing="pg_config")
    (programs.parent / "share/extension").rmdir()
    (programs.parent / place).mkdir(parents=True)
    (programs.parent / place / "postgis.control").touch()
    assert extensions(choose()) == {"postgis"}


def test_what_packagers_installed_is_used_where_it_is(machine: Path, install: Callable[..., Path]) -> None:
    install(machine / "system/16/bin", "16.2")
    assert prepared(choose(), machine / "copy", None) == choose()
    assert not (machine / "copy").exists()


def test_nothing_of_a_rehearsal_is_imported_by_other_commands() -> None:
    import subprocess

    code = "import sys, aegisgen.cli.app; print([name for name in sys.modules if 'rehearsal' in name or 'psycopg' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
