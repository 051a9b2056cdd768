"""Lay out the source tree as the wheel does: ``build/typecheck/trackwire/{specs,blocks,...}``.

The root folders are subpackages of ``trackwire`` in the wheel, but stand beside it in the
repository. Type checkers and editors follow files, not import hooks, so they need the real
layout; so does an editable install, whose path entry must show ``trackwire`` and nothing else.
Links are laid, not copies: they never go stale, and an editor that follows one opens the source.

    python tools/stage_types.py           lay the links
    python tools/stage_types.py --check   lay them, then run mypy and pyright there
    python tools/stage_types.py --prove   plant an error and expect both checkers to find it
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ROOTS = ("specs", "blocks", "sinks", "pipeline")
BESIDE = ("tests", "benchmarks", "examples", "tools")
STAGED = Path("build", "typecheck")

PLANTED = '''"""A module with one mistake."""

from trackwire.specs import Resources
from trackwire.specs.errors import TrackwireError

planted: int = TrackwireError("text, not a number").message
resources = Resources(device=b"bytes, not text")
'''
# The error codes the two lines above must give, in each checker's own words.
EXPECTED = {
    "mypy": ("[assignment]", "[arg-type]"),
    "pyright": ("(reportAssignmentType)", "(reportArgumentType)"),
}


def stage(repository: Path) -> Path:
    """Link the root folders into ``build/typecheck/trackwire``, and only them.

    Args:
        repository: Root of the checkout.

    Returns:
        The folder that holds ``trackwire``.
    """
    staged = repository / STAGED
    package = staged / "trackwire"
    package.mkdir(parents=True, exist_ok=True)
    wanted = {name: Path("..", "..", "..", name) for name in ROOTS}
    own = repository / "trackwire"
    wanted |= {
        path.name: Path("..", "..", "..", "trackwire", path.name)
        for path in own.iterdir()
        if path.name != "__pycache__"
    }
    for entry in package.iterdir():
        if entry.is_symlink() and entry.name not in wanted:
            entry.unlink()
    for name, target in wanted.items():
        link = package / name
        if link.is_symlink() and link.readlink() == target:
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return staged


def type_check(repository: Path, paths: list[str]) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run mypy and pyright over the given paths, with the settings of ``pyproject.toml``.

    Args:
        repository: Root of the checkout; both run from there.
        paths: What to check, relative to it. Pyright's own list is used where this is empty.

    Returns:
        The finished process of each checker, output captured as text.
    """
    commands = {
        "mypy": ["mypy", *(paths or [str(STAGED / "trackwire"), *_present(repository)])],
        "pyright": ["pyright", "--pythonpath", sys.executable, *paths],
    }
    return {
        name: subprocess.run(
            [sys.executable, "-m", *command],
            cwd=repository,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name, command in commands.items()
    }


def _present(repository: Path) -> list[str]:
    return [name for name in BESIDE if any((repository / name).rglob("*.py"))]


def check(repository: Path) -> bool:
    """Type-check the whole tree and print what the checkers say; True if both are content."""
    finished = type_check(repository, [])
    for name, process in finished.items():
        print(f"{name}: {process.stdout.strip()}")
    return all(process.returncode == 0 for process in finished.values())


def prove(repository: Path) -> list[str]:
    """Plant a module with two mistakes and see which of them the checkers overlook.

    Returns:
        One line for each mistake that a checker did not report; empty when all is well.
    """
    with tempfile.TemporaryDirectory(dir=repository / "build", prefix="planted-") as folder:
        module = Path(folder) / "planted.py"
        module.write_text(PLANTED, encoding="utf-8")
        finished = type_check(repository, [str(module.relative_to(repository))])
    return [
        f"{name} overlooked {code} in a planted module; it said:\n{finished[name].stdout}"
        for name, codes in EXPECTED.items()
        for code in codes
        if code not in finished[name].stdout
    ]


def main() -> int:
    """Do what the command line asks for; 0 if all is well."""
    parser = argparse.ArgumentParser(description="Lay out and check the source tree.")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--check", action="store_true", help="run mypy and pyright over the tree")
    task.add_argument("--prove", action="store_true", help="expect both to see a planted error")
    arguments = parser.parse_args()
    stage(REPOSITORY)
    if arguments.prove:
        overlooked = prove(REPOSITORY)
        print(*overlooked or ["mypy and pyright both see a planted error"], sep="\n")
        return 1 if overlooked else 0
    return 0 if not arguments.check or check(REPOSITORY) else 1


if __name__ == "__main__":
    sys.exit(main())
