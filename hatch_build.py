"""Makes what a wheel or an editable install of aegisgen has and its repository has not: the compiled templates."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "aegisgen/render/compiled_templates"


class CompiledTemplates(BuildHookInterface):
    """Packs them into a wheel; an editable install finds them beside the sources, where git ignores them."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Run before the wheel is put together."""
        source = Path(self.root, "generator")
        sys.path.insert(0, str(source))
        from aegisgen.render.compiled import compile_all  # noqa: PLC0415

        self._folder = Path(tempfile.mkdtemp())
        made = source / FOLDER if version == "editable" else self._folder
        if version == "editable":
            shutil.rmtree(made, ignore_errors=True)
        else:
            build_data["force_include"][str(made)] = FOLDER
        compile_all(Path(self.root, "templates"), made)

    def finalize(self, version: str, build_data: dict, artifact_path: str) -> None:  # noqa: ARG002
        """Run when the wheel is there."""
        shutil.rmtree(self._folder)
