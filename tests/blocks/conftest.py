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
    return _loaded("sam_lab")


@pytest.fixture(scope="session")
def training(lab: ModuleType) -> ModuleType:
    """Lessons for random trackers (``models/sam_training.py``)."""
    del lab  # where it cannot be had there are no lessons either
    return _loaded("sam_training")


@pytest.fixture(scope="session")
def concept_lab() -> ModuleType:
    """A small SAM 3 that knows two phrases (``models/concept_lab.py``)."""
    return _loaded("concept_lab")


def _loaded(name: str) -> ModuleType:
    for library in ("torch", "transformers"):
        pytest.importorskip(library, reason=f"{library} is not installed (the extra 'sam')")
    spec = spec_from_file_location(name, Path(__file__).parent / "models" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
