"""What the tests of the house look at: the repository and its source, parsed once."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("trackwire", "specs", "blocks", "sinks", "pipeline")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def modules() -> dict[Path, ast.Module]:
    """Syntax tree of each module of the package, by path relative to the repository."""
    return {
        path.relative_to(REPOSITORY): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((REPOSITORY / package).rglob("*.py"))
    }


@pytest.fixture(scope="session")
def committed() -> list[Path]:
    """Files under version control, relative to the repository."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout: which files are committed is not known")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    names = (Path(name) for name in listing.stdout.split("\0") if name)
    return [name for name in names if (REPOSITORY / name).is_file()]
