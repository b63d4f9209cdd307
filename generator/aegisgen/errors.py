"""What is wrong: with input, tools and files (exit code 2), and with the tree, as findings (exit code 1)."""

from __future__ import annotations

from enum import StrEnum

from aegisgen.output.visible import visible, visible_lines
from aegisgen.record import Record


class Problem(Record):
    """One thing that is wrong in one input file.

    `line` and `column` count from 1; both are 0 where the problem has no place in the file.
    `field` is a dotted path such as `spec.job.ttl`, empty where the problem is not about a field.
    """

    path: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        path, field, message = visible(self.path), visible(self.field), visible_lines(self.message)
        place = f"{path}:{self.line}:{self.column}" if self.line else path
        return f"{place}: {field}: {message}" if field else f"{place}: {message}"


class AegisgenError(Exception):
    """The command cannot go on. `str(error)` is one or more lines meant for the user."""


class InputError(AegisgenError):
    """Input files are wrong; carries every problem that was found, in file order."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[InputError], tuple[Problem, ...]]:
        return type(self), self.problems


class UsageError(AegisgenError):
    """The command line names something that does not exist or makes no sense."""


class TreeError(AegisgenError):
    """The tree cannot be read or written; nothing was changed."""


class ToolError(AegisgenError):
    """An external tool is missing or did something unexpected."""


class CompositionError(AegisgenError):
    """A directory does not build. `problem` names the file and what Kustomize, or this, said of it."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))

    def __reduce__(self) -> tuple[type[CompositionError], tuple[Problem]]:
        return type(self), (self.problem,)


class Severity(StrEnum):
    """How much a finding weighs: an error makes `check` and `validate` exit 1, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(Record):
    """Something that is wrong with the tree.

    `path` is relative to the working directory where possible and uses `/`. `line` and `column` count from 1; both are
    0 where the finding is about the file as a whole. `resource` is `Kind/name` or empty. `fix` says what to do.
    """

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    resource: str = ""
    fix: str = ""
