"""Front doors that open on first use: names of a package, imported when they are asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str], public: Collection[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and the ``__dir__`` of a package (PEP 562).

    Args:
        package: Its ``__name__``.
        homes: For each lazy name the module below the package that defines it.
        public: Its ``__all__``.

    Returns:
        The two functions, to be bound at the top level of the package.

    Example:
        >>> __getattr__, __dir__ = lazy_names(__name__, {"Frame": "frame"}, __all__)
    """

    def get(name: str) -> Any:
        module = homes.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module}"), name)
        setattr(sys.modules[package], name, value)  # the next look-up does not come here
        return value

    return get, lambda: sorted(public)
