"""Random weights in a folder, and a picture."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def weights(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random SAM 2.1 that sees an object wherever it is asked for one."""
    folder = tmp_path_factory.mktemp("segment") / "micro"
    lab.seeing_module("sam2video").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def picture(lab: ModuleType) -> NDArray[np.uint8]:
    """``(72, 96, 3)`` uint8 BGR: a disc over waves."""
    made: NDArray[np.uint8] = lab.picture(3)
    return made
