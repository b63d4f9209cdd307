"""A data folder that has just been made, to be copied for each server."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from aegisgen.errors import ToolError
from aegisgen.rehearsal.postgres.installation import Installation
from aegisgen.rehearsal.postgres.layout import prepared
from aegisgen.rehearsal.processes import answer, output

SUPERUSER = "postgres"
_SECONDS = 120
_BUILTIN_LOCALES = 17
"""The major version since which C.UTF-8 is PostgreSQL's own, on every system."""
_PREFERRED = ("postgres", "nobody", "daemon")


def server_account() -> str | None:
    """Return the account to run the server as; None: this process's own. Raises ToolError where there is none."""
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name for account in pwd.getpwall() if account.pw_uid}
    if usable := [name for name in _PREFERRED if name in accounts]:
        return usable[0]
    raise ToolError(
        "PostgreSQL refuses to run as root, and none of the accounts "
        f"{', '.join(_PREFERRED)} exists; create one (useradd --system postgres), run as another user, or name "
        "a server with --database-url"
    )


class Template:
    """A data folder that has just been made, copied for each server: initdb takes ten times as long as the copy."""

    def __init__(self, installation: Installation, folder: Path, environment: Mapping[str, str]) -> None:
        """Take an installation, made fit for the account that its servers run as, and what is in their environment."""
        self.account = server_account()
        self.installation = prepared(installation, folder / "installation", self.account)
        self.environment = environment
        self._folder = folder / "template"
        self._making = threading.Lock()
        self._made = False
        self.password = secrets.token_hex(16)

    def copy_to(self, data: Path) -> None:
        """Make the data folder of a server. Raises ToolError with initdb's words."""
        with self._making:
            if not self._made:
                self._create()
                self._made = True
        self._run("cp", "-R", str(self._folder / "data"), str(data))

    def _create(self) -> None:
        new_folder(self._folder, self.account)
        secret = self._folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if self.account:
            shutil.chown(secret, self.account)
        self._run(
            str(self.installation.programs / "initdb"),
            *("--pgdata", str(self._folder / "data"), "--username", SUPERUSER, "--pwfile", str(secret)),
            *("--auth", "scram-sha-256", "--no-sync", "--no-instructions", "--encoding", "UTF8"),
            *("--wal-segsize", "1"),  # megabytes; a sixteenth of the usual to copy
            *self._locale(),
        )
        secret.unlink()

    def _locale(self) -> tuple[str, ...]:
        if self.installation.version[0] >= _BUILTIN_LOCALES:
            return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return (f"--locale={_system_locale()}",)

    def _run(self, *command: str) -> None:
        try:
            env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
            done = answer(*command, seconds=_SECONDS, user=self.account, cwd=self._folder, env=env)
            code, reason = done.returncode, done.stderr.strip() or done.stdout.strip()
        except subprocess.TimeoutExpired:
            code, reason = 1, f"no end within {_SECONDS} s"
        if code:
            raise ToolError(f"{self.installation}: {os.path.basename(command[0])} failed: {reason}")  # noqa: PTH119


def new_folder(folder: Path, account: str | None) -> None:
    """Make a folder that belongs to the account."""
    folder.mkdir(parents=True, mode=0o700)
    if account:
        shutil.chown(folder, account)


def _system_locale() -> str:
    """Return a locale of the system's that knows UTF-8's letters; C, which knows ASCII's, where there is none."""
    for name in ("C.UTF-8", "en_US.UTF-8"):
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": name}
        if output("locale", "charmap", env=env).strip() == "UTF-8":
            return name
    return "C"
