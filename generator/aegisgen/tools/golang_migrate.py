"""golang-migrate, the program `migrate`."""

from __future__ import annotations

from aegisgen.tools.tool import URL, Called, Role, Shell, Tool, Written

# On a database without migrations `version` fails, as it does without a database.
_VERSION = (
    'sh: said=$(migrate {at} -database "${url}" version 2>&1) && code=0 || code=$?; printf "%s\\n" "$said"; '
    'case $said in *"no migration"*) exit 0 ;; esac; exit "$code"'
)


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    version = [*called.prefix, "version"]
    answers = "{} 2>&1 | grep -q -e '^[0-9]' -e 'no migration'"  # `version` fails on a database without migrations
    return {"ping": Shell(answers, version), "status": Shell("{} || :", version)}


def _usual(called: Called) -> dict[str, object] | None:
    """Know `migrate -path P -database $URL up`, and nothing else."""
    words = list(called.words[1:])
    options: dict[str, str] = {}
    while len(words) > 1 and words[0].startswith("-"):
        name, equals, value = words.pop(0).lstrip("-").partition("=")
        options[name] = value if equals else words.pop(0)
    path = options.get("path", "")
    by_url = options.get("database", "").strip("${}") == called.url != ""
    usual = words == ["up"] and set(options) == {"path", "database"} and by_url and not path.startswith(("/", "."))
    return {"path": path} if usual and path else None


TOOL = Tool(
    title="golang-migrate",
    ping=_VERSION,
    status=_VERSION,
    migrate='migrate {at} -database "${url}" -lock-timeout {timeout} up',
    rollback='migrate {at} -database "${url}" down 1',
    mark_done="""sh -c 'migrate -path FOLDER -database "${url}" force VERSION'""",
    pending=("(dirty)",),
    # Without the file of the database's version, `up` fails. A lower version counts as applied.
    compare='now=$(migrate {at} -database "${url}" version 2>&1 | tail -n 1); '
    'case $now in "" | *[!0-9]*) exit 0 ;; esac; known=; '
    'for version in $(ls {path} | sed -nE "s/^0*([0-9]+)_.*[.]up[.].*/\\1/p"); do '
    'if [ "$version" = "$now" ]; then known=yes; fi; '
    'if [ "$version" -gt "$now" ]; then echo "pending|$version"; fi; done; '
    '[ -n "$known" ] || echo "ahead|$now"',
    at="-path {path}",
    lock="none",
    locking="an advisory lock; a run that failed leaves the version dirty, which stops all others",
    # migrate.go
    held=(("dirty database version", "golang-migrate has marked the version dirty: a run ended half-way"),),
    tables=("schema_migrations",),
    shipped=r"/\d+_[^/]+\.(up|down)\.\w+$",
    written=(Written("insert", "version dirty", "{version}", begins_if="dirty"),),
    recorded=("version dirty", "version::text, NULL, NULL"),
    needs_path=True,
    needs_url=True,
    wiring=URL,
    image="migrate/migrate",
    program="migrate",
    roles=((("up",), "migrate"), (("goto",), "migrate"), (("version",), "status")),
    others=_others,
    usual=_usual,
)
