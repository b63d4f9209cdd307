"""The migration tools that aegisgen knows. A new one is a module of this folder and a line of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from aegisgen.tools import alembic, command, django, flyway, golang_migrate, goose, knex, liquibase, prisma
from aegisgen.tools.tool import EXEC, Role, Runtime, Tool, Wiring

__all__ = ["EXEC", "TOOLS", "Role", "Runtime", "Tool", "ToolName", "Wiring"]

TOOLS: dict[str, Tool] = {
    "knex": knex.TOOL,
    "prisma": prisma.TOOL,
    "flyway": flyway.TOOL,
    "liquibase": liquibase.TOOL,
    "alembic": alembic.TOOL,
    "django": django.TOOL,
    "golang-migrate": golang_migrate.TOOL,
    "goose": goose.TOOL,
    "command": command.TOOL,
}
"""By the name that `migrations.tool` gives, in the order in which the repository's files are looked at."""

if TYPE_CHECKING:
    ToolName = str
else:  # msgspec reads the names
    ToolName = Literal[tuple(TOOLS)]
