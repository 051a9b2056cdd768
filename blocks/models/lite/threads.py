"""Linear algebra on as many threads as the tracker was given, not on all there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = ["blas_threads"]


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Hold the BLAS libraries of NumPy and SciPy to some threads while the block runs.

    The matrices of the tracker are small: spread over threads that wait for one another by
    spinning, they take several times as long on a machine that has other work.

    Args:
        count: Threads, at least 1. The setting is the process's; it is put back on leaving.
    """
    with _libraries().limit(limits=count, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    # Libraries that are loaded later would be missed, so both come first.
    import numpy as np  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
