"""An installation made fit for a run: readable to the server's account, and with the extensions that it lacks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from aegisgen.errors import ToolError
from aegisgen.rehearsal.postgres.installation import SERVER_PROGRAMS, Installation, installations
from aegisgen.rehearsal.processes import output

ADDED = Path(__file__).parent / "extensions"
"""Extensions that are written in SQL here, for wheels that come without them."""


def prepared(installation: Installation, folder: Path, account: str | None) -> Installation:
    """Return the installation itself, or a copy in `folder` where something has to be added or cannot be reached.

    Programs find their other files from where they lie themselves, so that a copy is as good. It takes no room where
    the file system can link files. Raises ToolError where the account can run neither.
    """
    added = _missing(installation)
    runs = _runs(installation, account)
    if not added and runs:
        return installation
    if installation.package is None:
        raise ToolError(
            f"{installation}: the account {account}, which the server has to run as because root may not, cannot run "
            f"{installation.programs / 'postgres'}; make the folder readable for it, or run as another user"
        )
    package = installation.package
    for part in (package, package.with_name(f"{package.name}.libs")):  # auditwheel puts libraries beside the package
        if part.is_dir():
            ignored = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(part, folder / part.name, copy_function=_link, symlinks=True, ignore=ignored)
    copy = installation._replace(programs=folder / package.name / installation.programs.relative_to(package.resolve()))
    for file in added:
        shutil.copyfile(file, extension_folder(copy) / file.name)
    for place, _, _ in os.walk(folder):  # a wheel's folders have the mask of whoever installed it
        Path(place).chmod(0o755)
    if not _runs(copy, account):
        raise ToolError(f"{installation}: its programs do not run as the account {account or 'of this process'}")
    return copy


def extensions(installation: Installation) -> frozenset[str]:
    """Return the extensions that can be created there."""
    names = {file.stem for file in extension_folder(installation).glob("*.control")}
    return frozenset(names | {file.stem for file in _missing(installation) if file.suffix == ".control"})


def extensions_at_hand() -> dict[str, tuple[str, ...]]:
    """Return, for each extension, the installations of this machine that have it, each with the option to choose it."""
    choices: dict[str, list[str]] = {}
    majors = set()
    for installation in installations():
        major = installation.version[0]
        option = f"--postgres-bin {installation.programs}" if major in majors else f"--postgres-version {major}"
        majors.add(major)
        for name in extensions(installation):
            choices.setdefault(name, []).append(f"{installation} ({option})")
    return {name: tuple(places) for name, places in choices.items()}


def extension_folder(installation: Installation) -> Path:
    """Return the folder of the installation's control files."""
    if share := output(installation.programs / "pg_config", "--sharedir").strip():
        return Path(share) / "extension"
    # Some packagers give pg_config to developers only.
    root = installation.programs.parent
    places = [root / "share/extension", root / "share/postgresql/extension", root / "share/pgsql/extension"]
    return next((place for place in places if place.is_dir()), places[0])


def _missing(installation: Installation) -> list[Path]:
    """The files to add: those of extensions of which there is no control file."""
    if installation.package is None:
        return []
    present = extension_folder(installation)
    names = [control.stem for control in ADDED.glob("*.control") if not (present / control.name).exists()]
    return [file for name in names for file in ADDED.glob(f"{name}[.-]*")]


def _runs(installation: Installation, account: str | None) -> bool:
    return all(output(installation.programs / program, "--version", user=account) for program in SERVER_PROGRAMS)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or a file of another user
        shutil.copy2(source, target, follow_symlinks=False)
