"""The front door of the language: complete, lazy and light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trackwire import specs

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", specs.__all__)
def test_every_name_opens(name: str) -> None:
    """``__all__`` is the truth."""
    assert getattr(specs, name) is not None


def test_the_list_is_complete() -> None:
    """What ``dir`` shows is what may be used, and nothing else answers."""
    assert dir(specs) == sorted(specs.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = getattr(specs, "nothing")  # noqa: B009 - type checkers know that it is not there


def test_the_language_needs_pydantic_and_the_standard_library_only() -> None:
    """Checking documents must work where no video is decoded; so must a schema server."""
    code = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        "import trackwire.specs as specs\n"
        "for name in specs.__all__: getattr(specs, name)\n"
        "roots = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(roots - set(sys.stdlib_module_names)))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, str(REPOSITORY)],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = {name for name in finished.stdout.split() if not name.startswith("_")}
    allowed = {
        "annotated_types",
        "pydantic",
        "pydantic_core",
        "trackwire",
        "typing_extensions",
        "typing_inspection",
    }
    assert loaded <= allowed
