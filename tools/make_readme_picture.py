"""Make the picture of the readme: four frames of the demo's annotated video.

trackwire demo && python tools/make_readme_picture.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOMENTS = (0.18, 0.44, 0.62, 0.82)
"""Which frames to show, as shares of the video."""
LARGEST_BYTES = 400_000
GAP = 8
VIDEO = Path("out/demo/crossing/annotated.mp4")
PICTURE = Path("docs/images/demo.png")


def read_frames(path: Path) -> list[NDArray[np.uint8]]:
    """Decode a short video.

    Args:
        path: The video.

    Returns:
        Its frames, ``(H, W, 3)`` uint8 BGR each.
    """
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames]


def contact_sheet(frames: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Put four frames into two rows.

    Args:
        frames: All frames of the video.

    Returns:
        ``(H, W, 3)`` uint8 BGR, with white gaps and the frame numbers.
    """
    tiles = []
    for moment in MOMENTS:
        number = round(moment * (len(frames) - 1))
        tile = frames[number].copy()
        place = (10, tile.shape[0] - 12)
        for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            cv2.putText(
                tile, f"frame {number}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, thickness
            )
        tiles.append(tile)
    height, width = tiles[0].shape[:2]
    sheet = np.full((2 * height + GAP, 2 * width + GAP, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (index // 2) * (height + GAP), (index % 2) * (width + GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def write_small(sheet: NDArray[np.uint8], path: Path) -> int:
    """Write a PNG of at most :data:`LARGEST_BYTES`, with as many colours as fit.

    Args:
        sheet: ``(H, W, 3)`` uint8 BGR.
        path: Where to.

    Returns:
        Its size in bytes.

    Raises:
        SystemExit: It cannot be made small enough.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    smaller = cv2.resize(sheet, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    # Sensor noise is most of a PNG's bytes; fewer levels of grey let it compress.
    for step in (1, 4, 8, 12, 16, 24):
        reduced = (smaller.astype(np.uint16) // step * step + step // 2).clip(0, 255)
        data = cv2.imencode(".png", reduced.astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
        if len(data) <= LARGEST_BYTES:
            path.write_bytes(data.tobytes())
            return len(data)
    raise SystemExit(f"{path} would be larger than {LARGEST_BYTES} bytes")


def main() -> None:
    """Read the video, write the picture, and say so."""
    video = Path(sys.argv[1]) if len(sys.argv) > 1 else VIDEO
    if not video.is_file():
        raise SystemExit(f"there is no {video}; run 'trackwire demo' first")
    size = write_small(contact_sheet(read_frames(video)), PICTURE)
    print(f"{PICTURE}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
