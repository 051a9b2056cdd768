"""Memory for pictures that is used again instead of being asked for with each frame."""

from __future__ import annotations

from functools import cache

__all__ = ["keep_picture_memory"]

_BLOCK = 31 * 2**20  # glibc heeds blocks up to 32 MiB


@cache
def keep_picture_memory() -> None:
    """Have the C library keep the memory of freed pictures; once for the process.

    By default glibc returns blocks of a picture's size to the kernel as they are freed, and every
    frame pays for fresh pages: 0.7 of 4.1 ms at 1280x720 for whoever holds on to a frame while the
    next one is decoded. It raises its threshold to the size of the largest block freed so far
    (mallopt(3), ``M_MMAP_THRESHOLD``), so freeing one large block is enough. Other C libraries
    take no notice.
    """
    import numpy as np

    np.empty(_BLOCK, np.uint8)  # freed at once, never written to, so it costs nothing
