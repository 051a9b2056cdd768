"""Small detectors for the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def lab() -> ModuleType:
    """Small random detectors of the hub and the library's own way of running them."""
    for library in ("torch", "transformers"):
        pytest.importorskip(library, reason=f"{library} is not installed (the extra 'hub')")
    spec = spec_from_file_location("hub_lab", Path(__file__).with_name("hub_lab.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["hub_lab"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def saved(lab: Any, tmp_path_factory: Any) -> Callable[[str], Path]:
    """The folder of a small detector of a family, saved once: ``saved("rt_detr")``."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = lab.save(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    return folder
