"""The staged tree is the wheel's layout, made of links to the source."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

STAGE_TYPES = Path(__file__).resolve().parents[2] / "tools" / "stage_types.py"
ROOTS = ("specs", "blocks", "sinks", "pipeline")


@pytest.fixture
def stage() -> Callable[[Path], Path]:
    """The function under test, from the script."""
    function: Callable[[Path], Path] = runpy.run_path(str(STAGE_TYPES))["stage"]
    return function


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with the four roots, the namespace and a folder of tests."""
    for root in (*ROOTS, "trackwire", "tests"):
        (tmp_path / root).mkdir()
        (tmp_path / root / "__init__.py").write_text(f'"""{root}."""\n', encoding="utf-8")
    (tmp_path / "trackwire" / "py.typed").touch()
    return tmp_path


def test_the_tree_is_that_of_the_wheel(stage: Callable[[Path], Path], checkout: Path) -> None:
    """Four subpackages and the files of the namespace, and no tests among them."""
    package = stage(checkout) / "trackwire"
    assert {path.name for path in package.iterdir()} == {*ROOTS, "__init__.py", "py.typed"}
    assert (package / "specs" / "__init__.py").read_text(encoding="utf-8") == '"""specs."""\n'


def test_links_never_go_stale(stage: Callable[[Path], Path], checkout: Path) -> None:
    """What is edited, added or removed later shows without staging again, or goes with it."""
    package = stage(checkout) / "trackwire"
    (checkout / "blocks" / "later.py").write_text("later = 1\n", encoding="utf-8")
    assert (package / "blocks" / "later.py").exists()
    (checkout / "trackwire" / "py.typed").unlink()
    stage(checkout)
    assert not (package / "py.typed").is_symlink()


def test_staging_twice_changes_nothing(stage: Callable[[Path], Path], checkout: Path) -> None:
    """Two checkers that start at once do not pull the tree from under each other."""
    package = stage(checkout) / "trackwire"
    before = {path.name: path.lstat().st_ino for path in package.iterdir()}
    stage(checkout)
    assert {path.name: path.lstat().st_ino for path in package.iterdir()} == before


def test_a_checkout_that_moved_keeps_its_tree(
    stage: Callable[[Path], Path], checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Links are relative, so a moved or mounted checkout still resolves."""
    stage(checkout)
    moved = checkout.rename(tmp_path_factory.mktemp("elsewhere") / "checkout")
    link = moved / "build" / "typecheck" / "trackwire" / "pipeline"
    assert link.resolve() == moved / "pipeline"
