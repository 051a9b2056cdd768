"""One process at a time for a folder, for as long as it lives."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from trackwire.specs import SinkError

__all__ = ["FolderLock"]


class FolderLock:
    """A lock on a folder that the system takes back when the process ends, however it ends.

    Args:
        folder: The folder; it exists when the lock is taken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock; does nothing where the system or its file system has none.

        Raises:
            SinkError: Another run has it.
        """
        if self._descriptor is not None:
            return
        if sys.platform != "win32":
            self._descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                # Some network file systems have no locks; they only lose this protection.
                with suppress(OSError):
                    self._lock(self._descriptor)
            except SinkError:
                self.release()
                raise

    def release(self) -> None:
        """Give the lock back; again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    if sys.platform != "win32":

        def _lock(self, descriptor: int) -> None:
            import fcntl

            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SinkError(
                    f"another run is writing into {self._folder}. Wait until it has ended, or "
                    "give another folder",
                    code="output_taken",
                ) from error
