"""Names of streams: what a ``video_identifier`` may look like and how it stays unique."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

__all__ = ["MAX_IDENTIFIER_LENGTH", "redact_url", "unique_identifiers", "video_identifier"]

MAX_IDENTIFIER_LENGTH: Final = 80
"""Longest ``video_identifier``, in characters."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._-]+")
_FALLBACK: Final = "source"


def video_identifier(wished: str) -> str:
    """Make a slug that can name a stream, a folder and a metric.

    Of a URL only host and path remain: user, password, query and fragment may hold credentials.

    Args:
        wished: A file stem, a URL or any text.

    Returns:
        ``[A-Za-z0-9._-]{1,80}`` without a leading dot; ``source`` if nothing is left.

    Example:
        >>> video_identifier("rtsp://user:secret@10.0.0.7:554/gate one?token=1")
        '10.0.0.7-gate-one'
    """
    if _URL.match(wished):
        wished = "-".join(_host_and_path(wished))
    ascii_text = unicodedata.normalize("NFKD", wished).encode("ascii", "ignore").decode()
    slug = _NOT_ALLOWED.sub("-", ascii_text)
    # A leading hyphen would read as an option on a command line.
    return slug.lstrip(".-")[:MAX_IDENTIFIER_LENGTH].rstrip("-") or _FALLBACK


def unique_identifiers(wished: Iterable[str]) -> tuple[str, ...]:
    """Make a slug of each name; one that occurred before gets ``-2``, ``-3`` and so on.

    Names that differ only in case count as the same, since some file systems take them so.

    Args:
        wished: One name per source, in order.

    Returns:
        One identifier per source, all different.

    Example:
        >>> unique_identifiers(["gate", "gate", "gate-2"])
        ('gate', 'gate-2', 'gate-2-2')
    """
    taken: set[str] = set()
    identifiers: list[str] = []
    for name in wished:
        slug = candidate = video_identifier(name)
        number = 1
        while candidate.lower() in taken:
            number += 1
            suffix = f"-{number}"
            candidate = slug[: MAX_IDENTIFIER_LENGTH - len(suffix)] + suffix
        taken.add(candidate.lower())
        identifiers.append(candidate)
    return tuple(identifiers)


def redact_url(reference: str) -> str:
    """Take user, password, query and fragment out of a URL, for messages.

    Args:
        reference: A URL or any other text; other text comes back as it is.

    Returns:
        ``scheme://host[:port]/path``.
    """
    if not _URL.match(reference):
        return reference
    try:
        parts = urlsplit(reference)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:  # brackets or a port that make no sense: show nothing of it
        return f"{reference.partition('://')[0]}://..."
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _host_and_path(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        return [part for part in (parts.hostname, *parts.path.split("/")) if part]
    except ValueError:
        return []
