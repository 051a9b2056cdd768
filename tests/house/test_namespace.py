"""``trackwire`` is one namespace over four folders: no second identity, nothing heavy on import."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOTS = ("specs", "blocks", "sinks", "pipeline")
HEAVY = {
    "av",
    "cv2",
    "numpy",
    "onnxruntime",
    "pycocotools",
    "scipy",
    "supervision",
    "torch",
    "transformers",
}


def _python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, check=False, capture_output=True, text=True
    )


def _imported(stderr: str) -> set[str]:
    """Top-level modules in the output of ``python -X importtime``."""
    return {
        name.partition(".")[0]
        for name in re.findall(r"^import time:[\d |]+\|\s+([\w.]+)$", stderr, re.MULTILINE)
    }


@pytest.mark.parametrize("command", [["-c", "import trackwire"], ["-m", "trackwire", "--help"]])
def test_starting_up_loads_nothing_heavy(command: list[str], repository: Path) -> None:
    """An answer to ``--help`` does not wait for OpenCV, a codec or a model runtime."""
    finished = _python("-X", "importtime", *command, cwd=repository)
    assert finished.returncode == 0, finished.stderr[-2000:]
    loaded = _imported(finished.stderr)
    assert "trackwire" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("package", ["trackwire", *(f"trackwire.{root}" for root in ROOTS)])
def test_all_is_the_truth(package: str) -> None:
    """Each name a front door lists is there, once, in order, and shows up in ``dir``."""
    module = import_module(package)
    names = module.__all__
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(module, name)] == []
    assert set(names) <= set(dir(module))


@pytest.mark.parametrize("package", ["trackwire", *(f"trackwire.{root}" for root in ROOTS)])
def test_unknown_names_are_attribute_errors(package: str) -> None:
    """A lazy front door refuses what it does not have, as any module does."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = import_module(package).no_such_name


@pytest.mark.parametrize("root", ROOTS)
def test_roots_are_attributes_without_an_import(root: str, repository: Path) -> None:
    """``import trackwire`` is enough to write ``trackwire.specs``."""
    code = f"import trackwire; print(trackwire.{root}.__name__)"
    assert _python("-c", code, cwd=repository).stdout.strip() == f"trackwire.{root}"


@pytest.mark.parametrize("root", ROOTS)
def test_a_bare_root_raises(root: str, repository: Path) -> None:
    """Beside the folders, ``import specs`` says what to import instead of making a second one."""
    finished = _python("-c", f"import {root}", cwd=repository)
    assert finished.returncode != 0
    assert f"trackwire.{root}" in finished.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["tests", "tools", "examples", "benchmarks", "docs"])
def test_nothing_else_is_a_subpackage(name: str, repository: Path) -> None:
    """``trackwire.tests`` does not exist, though the folder stands beside the four."""
    finished = _python("-c", f"import trackwire.{name}", cwd=repository)
    assert "ModuleNotFoundError" in finished.stderr


def test_a_class_has_one_identity() -> None:
    """A class reached through any front door is the same object, so isinstance works."""
    trackwire = import_module("trackwire")
    assert trackwire.SpecificationError is import_module("trackwire.specs").SpecificationError
    assert trackwire.Frame is import_module("trackwire.blocks.frame").Frame
