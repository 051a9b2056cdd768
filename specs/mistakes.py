"""The mistakes a specification can hold: one table of codes, one log that collects them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from .errors import Mistake, SpecificationError

__all__ = ["MistakeCode", "MistakeLog", "json_path", "show"]


class MistakeCode(StrEnum):
    """Stable names of all mistakes; ``docs/errors.md`` explains each."""

    # the file and its JSON
    UNREADABLE_DOCUMENT = "unreadable_document"
    INVALID_JSON = "invalid_json"
    DUPLICATE_KEY = "duplicate_key"
    INVALID_DOCUMENT = "invalid_document"
    UNSUPPORTED_VERSION = "unsupported_version"
    MISSING_KEY = "missing_key"
    # declarations
    INVALID_NAME = "invalid_name"
    DUPLICATE_NAME = "duplicate_name"
    UNKNOWN_INPUT_TYPE = "unknown_input_type"
    UNKNOWN_OUTPUT_TYPE = "unknown_output_type"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_IMAGE_INPUT = "unknown_image_input"
    NO_OUTPUTS = "no_outputs"
    # steps and their properties
    UNKNOWN_BLOCK = "unknown_block"
    UNKNOWN_PROPERTY = "unknown_property"
    MISSING_PROPERTY = "missing_property"
    INVALID_VALUE = "invalid_value"
    # wiring
    INVALID_SELECTOR = "invalid_selector"
    UNKNOWN_INPUT = "unknown_input"
    UNKNOWN_STEP = "unknown_step"
    UNKNOWN_OUTPUT = "unknown_output"
    KIND_MISMATCH = "kind_mismatch"
    CYCLE = "cycle"
    DIMENSION_MISMATCH = "dimension_mismatch"
    LINEAGE_MISMATCH = "lineage_mismatch"
    TRACKER_BEHIND_CROP = "tracker_behind_crop"
    REMOTE_EXECUTION = "remote_execution"
    # run-time parameters
    UNKNOWN_PARAMETER = "unknown_parameter"
    MISSING_PARAMETER = "missing_parameter"
    INVALID_PARAMETER = "invalid_parameter"


_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_SHOWN: Final = 120
_SECTIONS: Final = ("", "version", "inputs", "steps", "outputs")


def json_path(parent: str, key: str | int) -> str:
    """Extend a JSON path by a key or an index.

    Example:
        >>> json_path(json_path("$.steps", 1), "boxes")
        '$.steps[1].boxes'
    """
    if isinstance(key, int):
        return f"{parent}[{key}]"
    if _PLAIN_KEY.fullmatch(key):
        return f"{parent}.{key}"
    return f"{parent}[{json.dumps(key)}]"


def show(value: Any) -> str:
    """Write a value of the document as short text, the way it stands in the JSON."""
    try:
        text = json.dumps(value, default=repr)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 3] + "..."
    return text


class MistakeLog:
    """Collects the mistakes of one document, so that all are reported together."""

    def __init__(self) -> None:
        self._mistakes: dict[tuple[str, str, str], Mistake] = {}

    def add(
        self,
        code: MistakeCode,
        path: str,
        message: str,
        *,
        found: str | None = None,
        allowed: Iterable[str] = (),
        suggestion: str | None = None,
    ) -> None:
        """Note a mistake; the same one at the same place is noted once.

        Args:
            code: Which kind of mistake it is.
            path: JSON path of the place.
            message: What is wrong and how to fix it.
            found: What stands there, as text.
            allowed: What could stand there.
            suggestion: What was probably meant.
        """
        mistake = Mistake(code.value, path, message, found, tuple(allowed), suggestion)
        self._mistakes.setdefault((code.value, path, message), mistake)

    def __len__(self) -> int:
        return len(self._mistakes)

    def touches(self, path: str) -> bool:
        """Tell whether a mistake is noted at this path or below it."""
        return any(
            noted == path or noted.startswith((f"{path}.", f"{path}["))
            for _, noted, _ in self._mistakes
        )

    def error(self) -> SpecificationError:
        """Make the error that holds all mistakes, in the order of the document."""
        return SpecificationError(sorted(self._mistakes.values(), key=_place_in_document))


def _place_in_document(mistake: Mistake) -> tuple[int, tuple[int, ...]]:
    match = re.match(r"\$(?:\.specification\b)?\.?([a-z]*)", mistake.path)
    section = match[1] if match else None
    rank = _SECTIONS.index(section) if section in _SECTIONS else len(_SECTIONS)
    return rank, tuple(int(index) for index in re.findall(r"\[(\d+)\]", mistake.path))
