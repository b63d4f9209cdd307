"""The command: `aegisgen`, or `python -m aegisgen`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave the process. `--version` alone is answered before anything is imported."""
    if sys.argv[1:] == ["--version"]:
        from aegisgen import __version__  # noqa: PLC0415

        sys.stdout.write(f"aegisgen {__version__}\n")
        sys.exit(0)
    _leave_out_the_working_directory()
    gc.set_threshold(100_000)  # importing makes many objects and no garbage
    try:
        from aegisgen.cli.ending import run  # noqa: PLC0415 - the command line costs ten times what --version does

        run(command)
    except KeyboardInterrupt:
        sys.exit(130)  # so early that `run` was not there to say it
    finally:
        gc.freeze()  # the system takes it all back; looking through it for garbage first is a tenth of a check


def _leave_out_the_working_directory() -> None:
    """Import nothing from it: `python -m` looks there first, and it may be a stranger's tree."""
    here = os.path.abspath("")  # noqa: PTH100 - pathlib is not imported for --version
    if sys.path[0] in {"", here} and here != os.path.dirname(os.path.dirname(os.path.abspath(__file__))):  # noqa: PTH100, PTH120
        del sys.path[0]


def command() -> int:
    """Do what the command line says and return the exit code, unless it is Typer that leaves the process."""
    from importlib import import_module  # noqa: PLC0415

    from aegisgen.cli.arguments import read  # noqa: PLC0415
    from aegisgen.files import confine  # noqa: PLC0415

    confine()
    call = read(sys.argv[1:])
    if call is None:
        from aegisgen.cli.app import app  # noqa: PLC0415

        app()
        return 0
    code: int = import_module(f"aegisgen.commands.{call.command}").main(**call.values)
    return code


if __name__ == "__main__":
    main()
