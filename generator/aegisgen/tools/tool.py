"""What there is to know of a migration tool: the record that each module of this folder fills in.

A command is words as a POSIX shell reads them, or "sh: " and a script. In it stand, quoted where needed: {run} and
{exec} (how the package manager runs the package's scripts and programs), {ping} {status} {migrate} {rollback} (script
names), {at} (the option that names the migrations' folder, or nothing), {url} (the name of the variable with the
database's URL) and {timeout} (seconds to wait for the tool's own lock).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from aegisgen.record import Record

Runtime = Literal["node", "python", "none"]
"""What of an image holds aegisgen's lock; none: the tool's own lock is enough."""
Role = Literal["ping", "status", "migrate", "rollback", "verify"]

EXEC = {"npm": "npm exec --no --", "pnpm": "pnpm exec", "yarn": "yarn run"}
"""How each package manager runs a program of the package's dependencies."""


class Wiring(Record):
    """Which variables tell a tool where its database is, in a project that `init` writes."""

    config: tuple[str, ...]
    secret: tuple[str, ...]
    url: str | None
    shared: Mapping[str, str]
    """Values that are the same in all environments; in them stands the database's name as {database}."""
    own: Mapping[str, str]
    """Values of each environment; in them stands {host}."""


ADDRESS = Wiring(
    config=("DATABASE_HOST", "DATABASE_PORT", "DATABASE_USER", "DATABASE_NAME"),
    secret=("DATABASE_PASSWORD",),
    url=None,
    shared={"DATABASE_PORT": "5432", "DATABASE_USER": "{database}", "DATABASE_NAME": "{database}"},
    own={"DATABASE_HOST": "{host}"},
)
URL = Wiring(config=(), secret=("DATABASE_URL",), url="DATABASE_URL", shared={}, own={})


class Called(Record):
    """How a container calls a tool to migrate, and what its surroundings tell."""

    words: tuple[str, ...]
    prefix: list[str]
    """The words before the tool's own, such as `npx prisma`, from which its other commands can be made."""
    rest: list[str]
    """The words after those that mean `migrate`."""
    manager: str
    """The package manager that runs it, if one does."""
    url: str
    packages: frozenset[str]


class Shell(Record):
    """A command for `sh -c`: in `text` {} stands for the quoted `words`."""

    text: str
    words: list[str]


class Written(Record):
    """A statement by which a tool writes down what it does, recognised by its verb and its columns."""

    verb: Literal["insert", "update", "delete"]
    columns: str
    name: str = ""
    """The migration's: columns stand in braces. Empty: an earlier statement named it."""
    event: Literal["begins", "ends", "reverts"] = "ends"
    begins_if: str = ""
    """The column that is true where the migration only begins."""


class Tool(Record):
    """One migration tool. Sources: the tools' own documentation; for texts that they print, their output."""

    title: str
    ping: str
    """Exits 0 as soon as the database answers."""
    status: str
    """Lists what is applied and what is pending."""
    migrate: str
    locking: str
    """How the tool locks by itself."""
    lock: Runtime | None
    """What holds aegisgen's lock by default; None: the profile must say."""
    rollback: str | None = None
    """Takes back what the last run migrated."""
    take_back: str | None = None
    """Takes back the one migration whose name follows."""
    verify: str | None = None
    """Fails if something is pending."""
    pending: tuple[str, ...] = ()
    """Parts of what `status` prints if something is pending."""
    done: tuple[str, ...] = ()
    """Parts of what `status` prints if nothing is pending."""
    at: str = ""
    """The option that names the folder {path}."""
    unlock: str | None = None
    """Frees a lock that a killed run left behind, where that can happen. For people: it proves nothing by itself."""
    held: tuple[tuple[str, str], ...] = ()
    """What it prints where its own lock is held, in lower case, and what that means."""
    mark_done: str = ""
    """Marks a migration as applied without running it; for people."""
    mark_done_sql: str = ""
    """The same as a statement on the bookkeeping table, {table}, where there is no command."""
    tables: tuple[str, ...] = ()
    """Where it keeps what has been applied. Tables with mere locks are left out: each tool fills an empty one."""
    names: str = ""
    """Selects the names in the bookkeeping table {table}, where aegisgen compares them with the image's."""
    listing: str = ""
    """For a shell: prints the names of the image's migrations, a line each. Empty: files, named as recorded."""
    newest_only: bool = False
    """The bookkeeping table has no more than the newest; `listing` prints the newest first."""
    compare: str = ""
    """For a shell: prints `ahead|NAME` and `pending|NAME`, as `compare.mjs` does, where only the tool can tell."""
    lock_timeout: Literal["PGOPTIONS", "command", ""] = ""
    """How the tool's sessions get PostgreSQL's lock_timeout: by libpq's variable, or as {lock_timeout} (milliseconds)
    in `migrate`. Empty: not at all, or a migration that gave up waiting cannot be tried again."""
    named_by_url: bool = False
    """Its sessions get their name from the URL, and not from PGAPPNAME."""
    written: tuple[Written, ...] = ()
    recorded: tuple[str, str] = ("", "")
    """The columns that tell such a table, and what to select from it: a migration's name, its begin and its end."""
    says_failed: str = ""
    """A regular expression for the name of a migration that failed, in what the tool prints."""
    file: Callable[[str], str] | None = None
    """A migration's file, from its recorded name; None: the name is that of the file, or what it begins with."""
    lock_table: str = ""
    """The table with a lock row of its own, which outlives a killed run: {table} is the bookkeeping table."""

    shipped: str = ""
    """A regular expression for the path of a migration, which stays as it is once a release has it."""

    # What a profile says of it
    fields: frozenset[str] = frozenset()
    """The fields of `migrations` that only some tools have a use for, and this one has."""
    runtimes: tuple[Runtime, ...] = ("node", "python", "none")
    needs_path: bool = False
    """It must be told the folder of the migrations."""
    needs_url: bool = False
    """It finds its database by a URL that the profile has to name the variable of."""
    jdbc: bool = False
    """It runs on the JVM, whose URLs have another scheme."""

    # How `init` and `adopt` recognise it
    wiring: Wiring = ADDRESS
    files: tuple[str, ...] = ()
    """Files of a repository that only this tool has."""
    dependencies: tuple[str, ...] = ()
    """Packages of Node that only this tool has."""
    image: str = ""
    program: str = ""
    modules: tuple[str, ...] = ()
    """Names by which Python runs it."""
    roles: tuple[tuple[tuple[str, ...], Role], ...] = ()
    """Its words for each role; the most particular first."""
    options: Mapping[str, Role] = {}
    """Options that make another thing of its `migrate`."""
    others: Callable[[Called], dict[Role, list[str] | Shell]] | None = None
    """Its other commands, given how it is called to migrate."""
    usual: Callable[[Called], dict[str, object] | None] | None = None
    """The fields of `migrations` with which this record says the same as the call; None: the call is another."""
    own_lock_without: str = ""
    """The package of Node without which the image cannot hold aegisgen's lock, but the tool's own will do."""
