"""Frames from a folder of images, a glob, or a list of image files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackwire.specs import SourceError, SourceFormatError, SourceNotFoundError

from .source import SourceFrame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["IMAGE_SUFFIXES", "ImageSource", "natural_key"]

IMAGE_SUFFIXES: Final = frozenset(
    {".bmp", ".jpeg", ".jpg", ".jp2", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Endings of files that count as images, in lower case."""

DEFAULT_FPS: Final = Fraction(30)
_DIGITS = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Sort key that reads digits as numbers, so that ``frame2`` comes before ``frame10``."""
    return tuple(
        (int(part), "") if part.isdecimal() else (-1, part.casefold())
        for part in _DIGITS.split(text)
    )


class ImageSource:
    """Images as the frames of a clip, in natural order of their names.

    ``comes_from_video_file`` is True: as in a video file the frame number tells the time,
    ``media_time_s = frame_number / fps``. Images are read as 8-bit BGR, EXIF orientation
    applied, transparency dropped. An image of another size than the one before raises the epoch.

    Args:
        images: A folder, whose images are taken, or the files themselves, in any order.
        fps: Frames per second the images stand for.
        name: Wished ``video_identifier``; None for the folder's name.

    Raises:
        SourceNotFoundError: The folder is not there.
        SourceFormatError: There is no image.
        ValueError: ``fps`` is not positive.
    """

    comes_from_video_file: bool | None = True

    def __init__(
        self,
        images: str | Path | Sequence[str | Path],
        *,
        fps: Fraction | float = DEFAULT_FPS,
        name: str | None = None,
    ) -> None:
        if fps <= 0:
            raise ValueError(f"fps must be positive, found {fps}")
        if isinstance(images, str | Path):
            folder = Path(images)
            self._paths = _images_in(folder)
        else:
            self._paths = _sorted(map(Path, images))
            if not self._paths:
                raise SourceFormatError("the list of images is empty; give at least one file")
            folder = self._paths[0].parent
        self.name = name or folder.resolve().name
        self.fps: Fraction | None = Fraction(fps).limit_denominator(1_000_000)
        self.frame_count: int | None = len(self._paths)
        self._next: int | None = None
        self._number = 0
        self._epoch = 0
        self._size: tuple[int, int] | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The image files in the order they are read."""
        return self._paths

    def open(self) -> None:
        """Go to the first image; opening again rewinds."""
        self._next, self._number, self._epoch, self._size = 0, 0, 0, None

    def read(self) -> SourceFrame | None:
        """Decode the next image.

        Returns:
            The frame, or None after the last image.

        Raises:
            SourceFormatError: The file cannot be decoded; reading again takes the next one.
            SourceNotFoundError: The file is gone since the source was made; likewise.
            SourceError: The source is not open.
        """
        import numpy as np

        if self._next is None or self.fps is None:
            raise SourceError(f"image source {self.name!r} was read before open()")
        if self._next >= len(self._paths):
            return None
        path = self._paths[self._next]
        self._next += 1
        try:
            # Not cv2.imread: it only warns on stderr, and cannot open every path.
            data = np.fromfile(path, np.uint8)
        except FileNotFoundError as error:
            raise SourceNotFoundError(
                f"image {path} is gone since the folder was listed", path=str(path)
            ) from error
        except OSError as error:
            raise SourceError(f"image {path} cannot be read: {error}", path=str(path)) from error
        image = _decode(data)
        if image is None:
            raise SourceFormatError(
                f"image {path} cannot be decoded ({data.size} bytes): "
                "replace or remove the file, or set on_source_error='skip' to go on without it",
                path=str(path),
            )
        size = (image.shape[1], image.shape[0])
        if self._size is not None and size != self._size:
            self._epoch += 1
        self._size = size
        frame = SourceFrame(image, self._number / self.fps, self._epoch)
        self._number += 1
        return frame

    def close(self) -> None:
        """Forget the position."""
        self._next = None


def _decode(data: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    import cv2
    import numpy as np

    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:  # an empty file
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _sorted(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(sorted(paths, key=lambda path: natural_key(str(path))))


def _images_in(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        raise SourceNotFoundError(f"there is no folder {folder}", path=str(folder))
    files = [path for path in folder.iterdir() if path.is_file()]
    images = _sorted(
        path
        for path in files
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    if not images:
        endings = sorted({path.suffix.lower() or "no ending" for path in files})
        found = f"{len(files)} other files ({', '.join(endings[:5])})" if files else "no files"
        raise SourceFormatError(
            f"folder {folder} holds no images, found {found}; allowed are "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}. For videos name the files, as in "
            f"['{folder}/a.mp4', ...], or use a glob such as '{folder}/*.mp4'",
            path=str(folder),
        )
    return images
