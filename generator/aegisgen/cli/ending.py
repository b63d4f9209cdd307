"""How the program ends: whatever goes wrong becomes a message and an exit code, in this one place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from aegisgen.errors import AegisgenError, InputError
from aegisgen.output.streams import escaping
from aegisgen.output.visible import visible_lines

_TROUBLE = 2
_INTERRUPTED = 130


def run(command: Callable[[], int]) -> NoReturn:
    """Run a command and leave the process with its exit code; what it writes is escaped."""
    with escaping():
        sys.exit(_code(command))


def _code(command: Callable[[], int]) -> int:
    try:
        code = command()
        sys.stdout.flush()
    except InputError as error:
        code = _complain(*map(str, error.problems))
    except AegisgenError as error:
        code = _complain(visible_lines(str(error)))
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python would complain again while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        code = _complain(visible_lines(f"{where}{error.strerror or error}"))
    except Exception as error:
        if os.environ.get("AEGISGEN_TRACEBACK"):
            raise
        what = visible_lines(f"internal error: {type(error).__name__}: {error}")
        code = _complain(f"{what}; set AEGISGEN_TRACEBACK=1 for the details, and report it")
    return code


def _complain(*messages: str) -> int:
    sys.stderr.writelines(f"{message}\n" for message in messages)
    return _TROUBLE
