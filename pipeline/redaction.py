"""Credentials taken out of text: the last net under every message."""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["redact", "redact_values"]

_USER_INFO: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"]*@")
_SECRET_QUERY: Final = re.compile(
    r"(?P<name>[?&](?:api_?key|key|token|access_token|auth|password|passwd|pwd|secret|sig|signature)=)"
    r"[^&\s#'\"]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Replace user, password and secret query values of every URL in a text by ``***``.

    Args:
        text: Any text.

    Returns:
        The text; unchanged, and the same object, where there is nothing to hide.

    Example:
        >>> redact("cannot open rtsp://bob:s3cret@10.0.0.7/gate?token=abc&x=1")
        'cannot open rtsp://***@10.0.0.7/gate?token=***&x=1'
    """
    if "://" not in text:
        return text
    return _SECRET_QUERY.sub(r"\g<name>***", _USER_INFO.sub(r"\g<scheme>***@", text))


def redact_values(value: Any) -> Any:
    """Redact every text inside JSON-ready values.

    Args:
        value: Dicts, lists, texts and other plain values.

    Returns:
        The same with texts redacted; containers are new.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: redact_values(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [redact_values(member) for member in value]
    return value
