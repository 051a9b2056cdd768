"""What the tests of blocks share."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def lab() -> ModuleType:
    """Small random trackers and the library's own way of running them (``models/sam_lab.py``)."""
    for library in ("torch", "transformers"):
        pytest.importorskip(library, reason=f"{library} is not installed (the extra 'sam')")
    spec = spec_from_file_location("sam_lab", Path(__file__).parent / "models" / "sam_lab.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["sam_lab"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
