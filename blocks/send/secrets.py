"""Secrets that documents name and the environment holds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from trackwire.specs import BlockError

__all__ = ["SECRET_PREFIX", "reveal"]

SECRET_PREFIX: Final = "TRACKWIRE_SECRET_"  # noqa: S105 - a name, no secret
"""Names of the variables that documents may read begin with this. No others can be read: a
document from elsewhere must not be able to send the environment away."""

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")


def reveal(written: Any, value: Any) -> Any:
    """Put secrets where a document says ``${TRACKWIRE_SECRET_NAME}``.

    Args:
        written: What stands in the document: a text, or lists and objects that hold some.
        value: The same with the values of selectors in their places. References in such values
            are no references: they come from elsewhere.

    Returns:
        The value with secrets in the place of references. Never to be told to anybody.

    Raises:
        BlockError: A variable is not set, or its name does not begin with the prefix.
    """
    if isinstance(written, str):
        if _REFERENCE.search(written) is None:
            return value
        return _REFERENCE.sub(lambda match: _read(match[1]), written)
    if isinstance(written, Mapping) and isinstance(value, Mapping):
        return {key: reveal(written.get(key), item) for key, item in value.items()}
    if isinstance(written, list | tuple) and isinstance(value, list | tuple):
        return [reveal(*pair) for pair in zip(written, value, strict=True)]
    return value


def _read(name: str) -> str:
    if not name.startswith(SECRET_PREFIX):
        raise BlockError(
            f"a document may read variables of the environment whose names begin with "
            f"{SECRET_PREFIX}, found ${{{name}}}; set {SECRET_PREFIX}... and name that",
            code="secret_name",
        )
    secret = os.environ.get(name)
    if secret is None:
        raise BlockError(
            f"the document reads ${{{name}}}, and the environment has no variable {name}; set it "
            "before the run",
            code="secret_missing",
        )
    return secret
