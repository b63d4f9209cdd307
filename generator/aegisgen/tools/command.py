"""Any other tool, by the commands that a profile gives."""

from aegisgen.tools.tool import Tool

TOOL = Tool(
    title="the application's own command",
    ping="",
    status="",
    migrate="",
    lock=None,
    locking="unknown",
    fields=frozenset({"sets"}),
)
