"""What the command line says, and how it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer
from rich.console import Console
from rich.markup import escape

from trackwire.specs import SpecificationError, TrackwireError

from ..redaction import redact

__all__ = [
    "ExitCode",
    "UsageError",
    "boundary",
    "err",
    "error_text",
    "out",
    "say_error",
    "say_warning",
]

out = Console(highlight=False, soft_wrap=True)
"""Standard output: results."""

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Standard error: progress, warnings, errors."""


class ExitCode(IntEnum):
    """How a command left, for scripts."""

    DONE = 0
    FAILED = 1
    WRONG_CALL = 2
    INTERRUPTED = 130


class UsageError(TrackwireError):
    """The command was called in a way that cannot work."""

    default_code = "usage"


def error_text(error: BaseException) -> str:
    """Say an error with its code, under which the documentation explains it.

    Args:
        error: Any; only errors raised on purpose have a code. The mistakes of a specification
            have one each, and what is wrong with a call needs none.
    """
    message = str(error) or type(error).__name__
    if not isinstance(error, TrackwireError) or isinstance(error, SpecificationError):
        return message
    return message if error.code == UsageError.default_code else f"{message} [{error.code}]"


def say_error(message: str) -> None:
    """Write an error to standard error.

    Args:
        message: What is wrong; taken literally, without markup.
    """
    err.print(f"[bold red]error:[/] {escape(redact(message))}")


def say_warning(message: str) -> None:
    """Write a warning to standard error.

    Args:
        message: What to look at; taken literally, without markup.
    """
    err.print(f"[bold yellow]warning:[/] {escape(redact(message))}")


@contextmanager
def boundary(*, debug: bool) -> Iterator[None]:
    """Turn what goes wrong inside into a message and an exit code.

    Args:
        debug: Let the exception through, so that Python prints its traceback.

    Raises:
        typer.Exit: With the exit code of what went wrong.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except Exception as error:
        # The outermost boundary: whatever comes here would otherwise end in a traceback.
        if debug:
            raise
        say_error(_message(error))
        raise typer.Exit(_code(error)) from error


def _message(error: Exception) -> str:
    if isinstance(error, TrackwireError | OSError):
        return error_text(error)
    return (
        f"{type(error).__name__}: {error} (not foreseen; --debug before the command, as in "
        "'trackwire --debug run ...', shows where)"
    )


def _code(error: Exception) -> ExitCode:
    is_wrong_call = isinstance(error, SpecificationError | UsageError)
    return ExitCode.WRONG_CALL if is_wrong_call else ExitCode.FAILED
