"""Reading JSON strictly: where it breaks, which keys occur twice, what is no JSON at all."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from .mistakes import MistakeCode, MistakeLog, json_path, show

__all__ = ["digest", "freeze", "read_json"]

_DEEPEST: Final = 64
_JSON_VALUES: Final = "null, true, false, numbers, strings, arrays and objects"


class _Pairs(dict[str, Any]):
    """An object as parsed, which remembers the keys that were given twice."""

    repeated: tuple[str, ...] = ()


def read_json(source: Mapping[str, Any] | str | Path, log: MistakeLog) -> Any:
    """Read a document into plain dicts and lists of its own.

    Args:
        source: Parsed JSON, JSON text, or the path of a file that holds it.
        log: Takes the mistakes.

    Returns:
        The value, sharing nothing with ``source``; None if it cannot be read at all, which is
        then in the log.
    """
    if isinstance(source, Path):
        text = _read_file(source, log)
    elif isinstance(source, str):
        text = source
    else:
        return _plain(source, "$", log)
    return None if text is None else _plain(_parse(text, log), "$", log)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value (keys sorted, no blanks), hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def freeze(value: Any) -> Any:
    """Make JSON-like values immutable: lists become tuples, dicts read-only mappings."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return tuple(freeze(item) for item in value)
    if isinstance(value, set):
        return frozenset(value)
    return value


def _read_file(path: Path, log: MistakeLog) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 text (byte {error.start}); save it as UTF-8"
    except OSError as error:
        reason = f"{error.strerror or error}; check the path and the permissions"
    log.add(
        MistakeCode.UNREADABLE_DOCUMENT,
        "$",
        f"the specification cannot be read: {reason}",
        found=str(path),
        allowed=("a file of JSON text in UTF-8",),
    )
    return None


def _parse(text: str, log: MistakeLog) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = f"line {error.lineno}, column {error.colno}: {error.msg}"
        lines = text.splitlines()
        found = lines[error.lineno - 1].strip() if error.lineno <= len(lines) else ""
        if not text.lstrip().startswith(("{", "[")):
            message += "; JSON text of an object is needed (a file is passed as pathlib.Path)"
        log.add(
            MistakeCode.INVALID_JSON,
            "$",
            f"{message}; correct the text there",
            found=found[:120] or "the end of the text",
            allowed=("JSON",),
        )
    except RecursionError:
        log.add(
            MistakeCode.INVALID_JSON,
            "$",
            f"nested deeper than {_DEEPEST} levels; take some of the brackets away",
            found="too many brackets",
            allowed=(f"{_DEEPEST} levels",),
        )
    except ValueError as error:
        reason = str(error)
        log.add(
            MistakeCode.INVALID_JSON,
            "$",
            reason,
            found=reason.partition(" is no JSON")[0][:120],
            allowed=("JSON",),
        )
    return None


def _pairs(pairs: list[tuple[str, Any]]) -> _Pairs:
    result = _Pairs(pairs)
    if len(result) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        result.repeated = tuple(key for key, count in counts.items() if count > 1)
    return result


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON; write a finite number or null")


def _plain(value: Any, path: str, log: MistakeLog, depth: int = 0) -> Any:
    """Copy a value into plain JSON types and note what is none."""
    allowed = _JSON_VALUES
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        message = "a finite number is needed"
        allowed = "a finite number, or null"
    elif depth >= _DEEPEST:
        message = "nested too deep; make it flatter"
        allowed = f"{_DEEPEST} levels"
    elif isinstance(value, Mapping):
        return _plain_object(value, path, log, depth)
    elif isinstance(value, (list, tuple)):
        return [
            _plain(item, json_path(path, index), log, depth + 1) for index, item in enumerate(value)
        ]
    else:
        message = "no JSON value; write it out as one"
    log.add(MistakeCode.INVALID_DOCUMENT, path, message, found=show(value), allowed=(allowed,))
    return None


def _plain_object(
    value: Mapping[Any, Any], path: str, log: MistakeLog, depth: int
) -> dict[str, Any]:
    for key in getattr(value, "repeated", ()):
        log.add(
            MistakeCode.DUPLICATE_KEY,
            json_path(path, key),
            f"the key {show(key)} is given more than once in this object; keep one",
            found=show(key),
            allowed=("each key once",),
        )
    result: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(key, str):
            result[key] = _plain(item, json_path(path, key), log, depth + 1)
        else:
            log.add(
                MistakeCode.INVALID_DOCUMENT,
                path,
                "keys must be strings",
                found=show(key),
                allowed=("a string",),
            )
    return result
