"""The command: `aegisgen`, or `python -m aegisgen`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line. `--version` alone is answered before anything is imported."""
    if sys.argv[1:] == ["--version"]:
        from aegisgen import __version__  # noqa: PLC0415

        sys.stdout.write(f"aegisgen {__version__}\n")
        return
    gc.set_threshold(100_000)  # importing makes many objects and no garbage
    from aegisgen.cli import run  # noqa: PLC0415 - the command line costs ten times what --version does

    run()


if __name__ == "__main__":
    main()
