"""A runbook as Markdown, in which a value is nothing but its text: facts and a sync plan in, one text out.

Source: CommonMark 0.31 (backslash escapes, code spans, fences) and GitHub's tables.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from aegisgen.argocd import plan_words as words
from aegisgen.argocd.plan import Plan
from aegisgen.argocd.plan_mermaid import to_mermaid
from aegisgen.output.visible import visible
from aegisgen.profile.agreement.approval import asks
from aegisgen.profile.agreement.notifications import channels
from aegisgen.record import Record
from aegisgen.render.environment import Dialect, Templates
from aegisgen.render.plain import Text
from aegisgen.render.scalars import to_yaml
from aegisgen.render.steps import Variable, connection
from aegisgen.runbook.facts import Facts
from aegisgen.runbook.words import duties, exit_codes, skipping, statuses

# psql of any age talks to servers of any other.
_POSTGRES = 17


class _Row(Record):
    phase: str
    wave: int
    what: str
    done: str


def guide(facts: Facts, plan: Plan, templates: Templates) -> str:
    """Return the runbook. Raises InputError where a template fails."""
    text = templates.of(MARKDOWN).render("runbook/runbook.md.j2", **_values(facts, plan))
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def _values(facts: Facts, plan: Plan) -> dict[str, object]:
    target, settings = facts.target, facts.target.settings
    postgres, database = settings.database.postgres, facts.database
    sql, command = skipping(facts)
    return {
        "f": facts,
        "t": target,
        "automated": bool(settings.application and settings.application.automated)
        or bool(plan.application and plan.application.automated),
        "mermaid": to_mermaid(plan).rstrip("\n"),
        "plan_rows": _rows(plan),
        "statuses": statuses(facts),
        "exits": exit_codes(facts),
        "roles": duties(facts),
        "told": list(channels(target)),
        "asks": asks(target),
        "skip_sql": sql,
        "skip_command": command,
        "postgres_image": postgres.image or f"postgres:{postgres.version or _POSTGRES}-alpine",
        "connection": [_variable(facts, each) for each in connection(target)],
        "dbname": _dbname(facts),
        "database_user": database.user or _looked_up(facts, settings.database.env.user),
        "database_name": database.name or _looked_up(facts, settings.database.env.name),
        "password_key": _password_key(facts),
    }


def _rows(plan: Plan) -> list[_Row]:
    return [
        _Row(
            str(phase.phase),
            wave.id.wave,
            words.title(step),
            _done(words.done(step), words.limits(step)),
        )
        for phase in plan.phases
        for wave in phase.waves
        for step in wave.steps
    ]


def _done(done: str, limits: str) -> str:
    return f"{done}; {limits}" if limits else done


def _variable(facts: Facts, variable: Variable) -> str:
    """Return an environment variable of a pod as YAML on one line, with the objects' composed names."""
    if variable.source == "value":
        return to_yaml({"name": variable.name, "value": variable.key})
    name = facts.config if variable.source == "configMapKeyRef" else facts.secret
    return to_yaml({"name": variable.name, "valueFrom": {variable.source: {"name": name, "key": variable.key}}})


def _dbname(facts: Facts) -> str:
    """Return the database for psql in a pod, as its shell expands it; libpq knows no scheme but its own."""
    by_url = any(each.name == "POSTGRES_URL" for each in connection(facts.target))
    return '"postgresql://${POSTGRES_URL#*://}"' if by_url else '"$PGDATABASE"'


def _looked_up(facts: Facts, variable: str) -> str:
    """Return a shell's expression for a value that only the cluster's ConfigMap tells."""
    path = f"{{.data.{_escaped(facts.target.config_key(variable))}}}"
    return f"\"$(kubectl get configmap -n {facts.target.namespace} {facts.config} -o jsonpath='{path}')\""


def _password_key(facts: Facts) -> str:
    variable = facts.target.settings.database.env.password
    if variable not in facts.target.settings.database.secret.keys:
        return ""
    return _escaped(facts.target.secret_key(variable))


def _escaped(key: str) -> str:
    return key.replace(".", r"\.")


if TYPE_CHECKING:
    from jinja2 import Environment

# ASCII punctuation that can mean something inside of a line; what only means something at a line's beginning cannot
# stand there, as a value never begins a line of the templates.
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~$])")
_TICKS = re.compile(r"`+")


def text(value: object) -> str:
    """Return a value as running text on one line."""
    if isinstance(value, Text):
        return value
    return _SPECIAL.sub(r"\\\1", _line(str(value)))


def code(value: object) -> Text:
    """Return a value as a code span; in a table too, where a bar would end the cell."""
    line = _line(str(value)).replace("|", r"\|")
    if not line:
        return Text("")
    ticks = "`" * (max((len(run) for run in _TICKS.findall(line)), default=0) + 1)
    room = " " if line[0] in "` " or line[-1] in "` " else ""
    return Text(f"{ticks}{room}{line}{room}{ticks}")


def quoted(value: object) -> Text:
    """Return a value as one word for a POSIX shell, for the inside of a fence."""
    return Text(shlex.quote(_line(str(value))))


def plain(value: object) -> Text:
    """Return a value as it is, on one line, for the inside of a fence."""
    return Text(_line(str(value)))


def _line(value: str) -> str:
    return visible(" ".join(value.split()))


def _extend(environment: Environment) -> None:
    environment.filters.update(code=code, q=quoted, plain=plain, block=Text, raw=Text)


MARKDOWN = Dialect(text, _extend)
