"""JSON files that are replaced in one step."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trackwire.specs import SinkError

__all__ = ["write_json"]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file in one step, so that a reader sees the old one or the new one.

    Args:
        path: The file; its folder exists.
        value: What to write.

    Raises:
        SinkError: It cannot be written; an older file is as it was.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=2, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise SinkError(
            f"{path} cannot be written: {error.strerror or error}; make room, or give a place "
            "that may be written"
        ) from error
