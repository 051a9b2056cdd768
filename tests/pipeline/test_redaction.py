"""Credentials leave no text, wherever in it they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackwire.pipeline.redaction import redact, redact_values

_SECRETS = st.text("abcXYZ019%!$()*+,;=.~_-:", min_size=3, max_size=20)


@given(user=_SECRETS, password=_SECRETS, token=st.text("abcXYZ019%-_.", min_size=3, max_size=20))
def test_no_part_of_a_secret_is_left(user: str, password: str, token: str) -> None:
    """User, password and token of a URL inside a sentence are gone, and host and path stay."""
    text = f"cannot open 'rtsp://{user}:{password}@cam.local:554/gate?token={token}&x=1': refused"
    expected = "cannot open 'rtsp://***@cam.local:554/gate?token=***&x=1': refused"
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    ["no URL at all", "rtsp://cam/gate", "mail bob@example.org", "https://h/x?page=2", "a://b/c@d"],
)
def test_other_text_stays(text: str) -> None:
    """Text without credentials comes back as it is."""
    assert redact(text) is text or redact(text) == text


def test_values_are_redacted_in_depth() -> None:
    """Every text in nested values is redacted, and other values stay."""
    value = {"a": ["rtsp://u:p@h/x", 3], "b": {"c": ("http://h/?api_key=k",)}}
    assert redact_values(value) == {
        "a": ["rtsp://***@h/x", 3],
        "b": {"c": ["http://h/?api_key=***"]},
    }
