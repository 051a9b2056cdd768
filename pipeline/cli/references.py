"""Source references as they are written on a command line, where others can read them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from ..redaction import redact
from .console import UsageError

__all__ = ["expand_references", "hide_credentials"]

_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand_references(
    texts: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Fill in ``${NAME}`` from the environment, so that secrets need not stand in commands.

    Args:
        texts: As written.
        environment: Variables by name; None for the process's.

    Returns:
        The texts with every reference filled in.

    Raises:
        UsageError: A variable is not set.
    """
    values = os.environ if environment is None else environment

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise UsageError(
                f"${{{name}}} is not set in the environment; set it, as in "
                f"export {name}=..., or write the value in its place"
            )
        return values[name]

    return tuple(_REFERENCE.sub(fill, text) for text in texts)


def hide_credentials(arguments: Sequence[str] | None = None) -> bool:
    """Take credentials out of the process's title, which every user of the machine can read.

    Args:
        arguments: The command line; None for this process's.

    Returns:
        True if there were any.
    """
    given = sys.argv if arguments is None else arguments
    title = " ".join(map(redact, given))
    if title == " ".join(given):
        return False
    from setproctitle import setproctitle

    setproctitle(title)
    return True
