"""The application as the release before has it: `--previous`, or what git says."""

from __future__ import annotations

from pathlib import Path

from aegisgen.errors import UsageError
from aegisgen.project.git import fork_point, open_repository
from aegisgen.rehearsal.image.app import App, app_of, packages


def previous_of(text: str | None, app: App, folder: Path) -> App | None:
    """Read `--previous DIR|REV`; a revision's files are written to `folder`, with the packages that `app` has.

    Without the option it is the commit at which the branch left the main one, and None where there is no such or it has
    nothing of the application. Raises UsageError, ToolError for what was given.
    """
    if text and Path(text).is_dir():
        return app_of(text)._replace(path=app.path)
    revision = text or fork_point(app.folder)
    if revision is None:
        return None
    try:
        has_files = open_repository(app.folder, revision).unpack(folder)
    except UsageError as error:
        if text:
            raise UsageError(f"--previous {text}: no such folder, and as a revision: {error}") from None
        return None
    if not has_files:
        if text:
            raise UsageError(f"--previous {text}: that revision has nothing of {app.folder}")
        return None
    for package in packages(app.folder):
        modules, place = package / "node_modules", folder / package.relative_to(app.folder)
        if modules.exists() and place.is_dir() and not (place / "node_modules").exists():
            (place / "node_modules").symlink_to(modules.resolve())
    return App(folder, app.path)
