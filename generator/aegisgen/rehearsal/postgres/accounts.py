"""Under which account of the system a server runs: initdb and postgres refuse root."""

from __future__ import annotations

import os
import pwd

from aegisgen.errors import ToolError

_PREFERRED = ("postgres", "nobody", "daemon")


def server_account() -> str | None:
    """Return the account to run the server as; None: this process's own. Raises ToolError where there is none."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name: account.pw_uid for account in pwd.getpwall()}
    for name in _PREFERRED:
        if known.get(name):
            return name
    raise ToolError(
        "PostgreSQL refuses to run as root, and none of the accounts "
        f"{', '.join(_PREFERRED)} exists; create one (useradd --system postgres), run as another user, or name "
        "a server with --database-url"
    )
