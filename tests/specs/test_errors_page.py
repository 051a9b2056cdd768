"""The page of mistakes and the table of codes say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trackwire.specs import MistakeCode

PAGE = Path(__file__).parent.parent.parent / "docs" / "errors.md"


def sections() -> dict[str, str]:
    """The text below the heading of each code."""
    parts = re.split(r"^### `(\w+)`$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_code_is_explained_and_every_explanation_has_a_code() -> None:
    """Neither side may run ahead; the order is that of the table."""
    assert list(sections()) == [code.value for code in MistakeCode]


@pytest.mark.parametrize("code", list(MistakeCode))
def test_an_explanation_is_complete(code: MistakeCode) -> None:
    """Cause, example and fix: one without the other does not help."""
    assert re.findall(r"^\*\*(\w+)\.\*\*", sections()[code.value], re.MULTILINE) == [
        "Cause",
        "Example",
        "Fix",
    ]
