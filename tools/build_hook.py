"""Build hook: an editable install needs the staged tree that its path entry points at."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StageEditable(BuildHookInterface[Any]):
    """Lays out ``build/typecheck`` when the project is installed with ``pip install -e``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stage the tree before an editable wheel is made; other wheels need nothing.

        Args:
            version: ``editable`` or ``standard``.
            build_data: Hatchling's, left as it is.
        """
        if version == "editable":
            root = Path(self.root)
            runpy.run_path(str(root / "tools" / "stage_types.py"))["stage"](root)
