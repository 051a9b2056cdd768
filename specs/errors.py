"""Every error Trackwire raises on purpose.

TrackwireError
├── SpecificationError      the JSON document is wrong; holds every mistake found
├── RegistryError           blocks cannot be offered to the compiler together
├── BlockError              a step failed at run time
├── ModelError              a model cannot be found, loaded or run
├── SessionError            a tracking session was misused (frame repeated, cap reached)
├── SourceError             frames cannot be read
│   ├── SourceNotFoundError (also FileNotFoundError)
│   ├── SourceTimeoutError  (also TimeoutError)
│   └── SourceFormatError   (also ValueError)
└── SinkError               results cannot be written
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "BlockError",
    "Mistake",
    "ModelError",
    "RegistryError",
    "SessionError",
    "SinkError",
    "SourceError",
    "SourceFormatError",
    "SourceNotFoundError",
    "SourceTimeoutError",
    "SpecificationError",
    "TrackwireError",
]


class TrackwireError(Exception):
    """Base of every error raised on purpose; the tree is drawn in the module's docstring.

    Args:
        message: What is wrong, where, what was found, what is allowed, how to fix it.
        code: Stable name of the error, in snake case, or None for the class default.
        context: Where it happened: ``step``, ``stream``, ``frame_number``, ``path`` and the like.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.context = context

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a specification.

    Args:
        code: Stable name of the mistake, in snake case.
        path: JSON path, such as ``$.steps[1].images``.
        message: What is wrong and how to fix it.
        found: What stands there, as text, or None.
        allowed: What could stand there.
        suggestion: The nearest allowed value ("did you mean"), or None.
    """

    code: str
    path: str
    message: str
    found: str | None = None
    allowed: tuple[str, ...] = ()
    suggestion: str | None = None

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.message} [{self.code}]"]
        if self.found is not None:
            lines.append(f"    found:   {self.found}")
        if self.allowed:
            lines.append(f"    allowed: {', '.join(self.allowed)}")
        if self.suggestion is not None:
            lines.append(f"    did you mean: {self.suggestion}")
        return "\n".join(lines)


class SpecificationError(TrackwireError, ValueError):
    """The document cannot be compiled; ``mistakes`` holds all that is wrong with it."""

    default_code = "specification"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        head = f"{count} mistake{'s' if count != 1 else ''} in the workflow specification"
        super().__init__("\n".join([head, *(f"- {mistake}" for mistake in self.mistakes)]))


class RegistryError(TrackwireError, ValueError):
    """Blocks cannot be registered: a type id is taken, or a manifest is not usable."""

    default_code = "registry"


class BlockError(TrackwireError):
    """A step failed while the workflow ran."""

    default_code = "block"


class ModelError(TrackwireError):
    """A model cannot be found, loaded or run."""

    default_code = "model"


class SessionError(TrackwireError):
    """A tracking session was asked for something it must refuse."""

    default_code = "session"


class SourceError(TrackwireError):
    """Frames cannot be read from a source."""

    default_code = "source"


class SourceNotFoundError(SourceError, FileNotFoundError):
    """There is nothing at the place the source names."""

    default_code = "source_not_found"


class SourceTimeoutError(SourceError, TimeoutError):
    """A source did not answer in time."""

    default_code = "source_timeout"


class SourceFormatError(SourceError, ValueError):
    """What the source holds cannot be decoded as video or images."""

    default_code = "source_format"


class SinkError(TrackwireError):
    """Results cannot be written."""

    default_code = "sink"
