"""Why a set of migrations does not run from scratch, and the way out.

Applications keep several sets of migrations that refer to each other, and production has objects that somebody once
made by hand. On an empty database a migration then needs an object that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from aegisgen.rehearsal.extensions import extension_of, where_to_get
from aegisgen.rehearsal.outcome import MigrationRun

_FILES_AT_MOST = 3
_DUMPING = "pg_dump --schema-only > schema.sql; pg_dump --data-only --table='*_migrations' >> schema.sql"


class Around(NamedTuple):
    """What is known around a failure."""

    applied: Sequence[str] = ()
    """The migrations that had run before it, in their order."""
    sources: Mapping[str, str] = {}
    """Every migration of the application: its file and its text. Those of one set lie in one folder."""
    server: str = "this PostgreSQL"
    """For people: version and origin."""
    major: int = 0
    """The server's major version."""
    elsewhere: Mapping[str, Sequence[str]] = {}
    """For each extension, how to choose a PostgreSQL of this machine that has it."""
    schema_dump: str = ""
    """The file that the database started from; empty where it started empty."""


def explained(migrations: Sequence[MigrationRun], around: Around, log: str = "") -> tuple[MigrationRun, ...]:
    """Return the records, with cause and way out for those that PostgreSQL refused.

    Where none was refused and the log says that one was, it gets a record: the user's own server has no log to read.
    """
    if not any(run.error for run in migrations) and (refused := _from_log(log, around)):
        ended = max((run.began + run.seconds for run in migrations), default=0.0)
        migrations = (*migrations, refused._replace(began=ended))
    applied = list(around.applied)
    records = []
    for run in migrations:
        if run.error:
            cause, way_out = diagnose(run.error, run.file, around._replace(applied=tuple(applied)))
            records.append(run._replace(cause=cause, way_out=way_out))
            continue
        records.append(run)
        if run.reverts:
            applied = [file for file in applied if file != run.file]
        else:
            applied.append(run.file)
    return tuple(records)


def diagnose(message: str, file: str, around: Around) -> tuple[str, str]:
    """Return why PostgreSQL refused a migration, in one sentence, and what to do.

    `message` is PostgreSQL's, in English. The cause is empty where nothing more is known, the way out where that is the
    author's affair.
    """
    for pattern, explain in _EXPLANATIONS:
        if match := pattern.search(message):
            return explain(match, file, around)
    return "", ""


def _extension_missing(match: re.Match[str], _: str, around: Around) -> tuple[str, str]:
    name = match["name"]
    return f'{around.server} has no extension "{name}"', where_to_get(name, around.major, around.elsewhere)


def _extension_forbidden(match: re.Match[str], _: str, around: Around) -> tuple[str, str]:
    cause = f'only a superuser may create the extension "{match["name"]}", and the application\'s role is none'
    once = "let a superuser create it once, keep CREATE EXTENSION IF NOT EXISTS in the migration, and "
    return cause, once + _from_production(around)


def _thing_missing(match: re.Match[str], file: str, around: Around) -> tuple[str, str]:
    """A type, function or operator class is mostly an extension's."""
    kind, name = match["kind"], match["name"]
    if kind in {"schema", "relation"}:
        kind = "table" if kind == "relation" else kind
        return _missing(f'the {kind} "{name}"', kind, name, file, around)
    extension = extension_of(name)
    if not extension:
        return _missing(f"the {kind} {name}", "thing", name, file, around)
    what = f'the extension "{extension}", to which the {kind} {name} belongs'
    cause, way_out = _missing(what, "extension", extension, file, around)
    if not _creators("extension", extension, around):
        way_out = f'add CREATE EXTENSION IF NOT EXISTS "{extension}" to a migration, or {way_out}'
    return cause, way_out


def _already_there(match: re.Match[str], _: str, around: Around) -> tuple[str, str]:
    if not around.schema_dump:
        return "", ""
    return (
        f"the schema dump has the {match['what']} already, and the table in which the tool keeps what it has run does "
        "not say so",
        f"dump the rows of that table too: pg_dump --data-only --table='*_migrations' >> {around.schema_dump}",
    )


_EXPLANATIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str, Around], tuple[str, str]]], ...] = tuple(
    (re.compile(pattern), explain)
    for pattern, explain in (
        (r'extension "(?P<name>[^"]+)" is not available', _extension_missing),
        (r'could not open extension control file ".*/(?P<name>[^/"]+)\.control"', _extension_missing),
        (r'could not (?:access file|load library) "(?:.*/)?(?P<name>[^/"]+?)(?:\.so|\.dylib)?"', _extension_missing),
        (r'permission denied to create extension "(?P<name>[^"]+)"', _extension_forbidden),
        (r'(?P<kind>schema|relation|type|operator class) "(?P<name>[^"]+)" does not exist', _thing_missing),
        (r'(?P<kind>function) (?P<name>[\w."]+)\(.*\) does not exist', _thing_missing),
        (r'(?P<what>(?:relation|schema|type|extension|column|constraint) "[^"]+").* already exists', _already_there),
    )
)


def _missing(what: str, kind: str, name: str, file: str, around: Around) -> tuple[str, str]:
    """Something is not there: nobody creates it, a migration that comes later, or another set of migrations."""
    creators = _creators(kind, name, around)
    if not creators:
        return f"no migration of the application creates {what}: somebody made it by hand", _from_production(around)
    if done := [creator for creator in creators if creator in around.applied]:
        return f"{_list(done)} creates {what} and has run, but it is not there", ""
    here = _set_of(file)
    if any(_set_of(creator) == here for creator in creators):
        return f"{_list(creators)} creates {what}, and runs later", "give the migrations their order"
    cause = f"{_list(creators)} creates {what}: another set of migrations, which has not run"
    if needed := _needed_back(creators, here, around):
        cause += f' and itself needs the table "{needed}" of this one: on an empty database no order works'
        return cause, _from_production(around)
    return cause, f"run that set first, or {_from_production(around)}"


def _from_production(around: Around) -> str:
    if around.schema_dump:
        return f"dump production's schema anew: {around.schema_dump} has not got it"
    return f"start from production's schema: {_DUMPING}; then --schema-dump schema.sql"


# SQL, and calls such as knex.schema.createTable("x") or op.create_table("x").
_CREATING = {
    "schema": r"create[_\s]*schema\w*\W+(?:if\s+not\s+exists\W+)?{name}\b",
    "table": r"create[_\s]*(?:\w+\s+){{0,3}}(?:table|view|sequence)\w*\W+(?:if\s+not\s+exists\W+)?"
    r"(?:{schema}\W+)?{name}\b",
    "extension": r"create[_\s]*extension\W+(?:if\s+not\s+exists\W+)?{name}\b",
    "thing": r"create[_\s]*(?:or\s+replace\s+)?(?:type|domain|function)\W+(?:{schema}\W+)?{name}\b",
}
_TABLE = re.compile(
    r"create[_\s]*(?:\w+\s+){0,3}table\w*\W+(?:if\s+not\s+exists\W+)?(?:\w+[\"`]?\.[\"`]?)?(?P<name>\w+)", re.IGNORECASE
)


def _creators(kind: str, name: str, around: Around) -> tuple[str, ...]:
    """The migrations in whose text something is created."""
    schema, _, plain = name.replace('"', "").rpartition(".")
    form = _CREATING[kind].format(name=re.escape(plain), schema=re.escape(schema) if schema else r"\w+")
    pattern = re.compile(form, re.IGNORECASE)
    return tuple(sorted(file for file, text in around.sources.items() if pattern.search(text)))


def _needed_back(creators: Sequence[str], here: str, around: Around) -> str:
    """Return a table of the set `here` that the creators' sets speak of; empty for none."""
    sets = {_set_of(file) for file in creators}
    words = {
        word for file, text in around.sources.items() if _set_of(file) in sets for word in re.findall(r"\w+", text)
    }
    own = (text for file, text in sorted(around.sources.items()) if _set_of(file) == here)
    tables = (match["name"] for text in own for match in _TABLE.finditer(text))
    return next((name for name in tables if name in words), "")


def _set_of(file: str) -> str:
    return str(PurePosixPath(file).parent)


def _list(files: Sequence[str]) -> str:
    more = f" and {len(files) - _FILES_AT_MOST} more" if len(files) > _FILES_AT_MOST else ""
    return ", ".join(files[:_FILES_AT_MOST]) + more


_KNEX = re.compile(r'migration file "(?P<file>[^"]+)" failed\s+(?:migration failed with error: )?(?P<rest>[^\n]*)')
_MESSAGE = re.compile(
    r"(?:ERROR|error|Message\s*):\s*(?:ERROR:\s*)?"
    r"(?P<message>[^\n]*(?:does not exist|is not available|already exists|permission denied)[^\n]*)"
)


def _from_log(log: str, around: Around) -> MigrationRun | None:
    """Knex says `statement - message`; others print PostgreSQL's line as it is."""
    name = statement = ""
    if match := _KNEX.search(log):
        name = match["file"]
        statement, _, message = match["rest"].rpartition(" - ")
    elif match := _MESSAGE.search(log):
        message = match["message"]
    else:
        return None
    files = [file for file in around.sources if PurePosixPath(file).name == name]
    return MigrationRun(
        file=files[0] if len(files) == 1 else name or "unknown",
        failed_statement=statement,
        error=message.strip(),
        note="known from the container's log alone",
    )
