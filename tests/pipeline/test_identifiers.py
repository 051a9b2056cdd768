"""Names of streams: safe as folder names, unique, without credentials."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackwire.pipeline.identifiers import redact_url, unique_identifiers, video_identifier


@given(st.lists(st.text(max_size=200), max_size=12))
def test_identifiers_are_slugs_and_unique(names: Any) -> None:
    """Whatever the names, identifiers are safe slugs and differ, in case too."""
    identifiers = unique_identifiers(names)
    assert len({each.lower() for each in identifiers}) == len(names)
    for identifier in identifiers:
        assert re.fullmatch(r"(?!\.)[A-Za-z0-9._-]{1,80}", identifier)


def test_a_clash_gets_a_number() -> None:
    """The second of a name gets -2, also where that name is taken."""
    assert unique_identifiers(["a", "a", "a-2", "A"]) == ("a", "a-2", "a-2-2", "A-3")


@pytest.mark.parametrize(
    ("wished", "identifier"),
    [
        ("Größe 1.clip", "Groe-1.clip"),
        ("...", "source"),
        ("../../etc/passwd", "etc-passwd"),
        ("rtsp://u:pw@host:554/a/b?key=1#f", "host-a-b"),
        ("x" * 200, "x" * 80),
    ],
)
def test_slugs(wished: str, identifier: Any) -> None:
    """What is not allowed goes; of a URL host and path stay."""
    assert video_identifier(wished) == identifier


@pytest.mark.parametrize("url", ["rtsp://u:hunter2@h/p?t=hunter2", "http://u:hunter2@[bad/x"])
def test_redaction_hides_credentials(url: Any) -> None:
    """User, password and query never survive, malformed URLs included."""
    assert "hunter2" not in redact_url(url)
    assert "hunter2" not in video_identifier(url)
