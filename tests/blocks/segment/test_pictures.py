"""Pictures in every form, and the outlines of masks."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from trackwire.blocks import Frame, masks2poly
from trackwire.blocks.segment.pictures import read_picture
from trackwire.blocks.segment.tight_masks import join_masks, tighten
from trackwire.specs import ModelError

MakeFrame: TypeAlias = Callable[..., Frame]
RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
BGR = np.ascontiguousarray(RGB[..., ::-1])


def forms(folder: Path) -> dict[str, Any]:
    """One picture in every form it may come in."""
    path = folder / "picture.png"
    cv2.imwrite(str(path), BGR)
    content = path.read_bytes()
    text = base64.b64encode(content).decode()
    return {
        "path": path,
        "text": str(path),
        "bytes": content,
        "array": BGR,
        "with alpha": np.dstack([BGR, np.full((5, 7), 9, np.uint8)]),
        "pillow": Image.fromarray(RGB),
        "base64": {"type": "base64", "value": text},
        "data url": {"type": "base64", "value": f"data:image/png;base64,{text}"},
        "file": {"type": "file", "value": str(path)},
        "numpy": {"type": "numpy_object", "value": BGR},
    }


def test_every_form_gives_the_same_picture(tmp_path: Path, make_frame: MakeFrame) -> None:
    """Arrays are BGR as in OpenCV, images of Pillow RGB; what comes out is RGB."""
    for name, form in {**forms(tmp_path), "frame": make_frame(image=BGR.copy())}.items():
        read = read_picture(form)
        np.testing.assert_array_equal(read, RGB, err_msg=name)
        assert read.dtype == np.uint8
    grey = read_picture(BGR[..., 0])
    np.testing.assert_array_equal(grey, np.repeat(BGR[..., :1], 3, axis=2))


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        ("nowhere.png", "nowhere.png cannot be read: No such file"),
        ("https://example.org/a.png", "found an address"),
        (b"GIF no more", "no picture could be decoded from the bytes given"),
        (b"", "no picture could be decoded"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((4, 4, 2), np.uint8), r"\(4, 4, 2\)"),
        ({"type": "base64", "value": "?"}, "no base64"),
        ({"type": "numpy", "value": "gASVCg=="}, "found type 'numpy' with a str"),
        (7, "found a int"),
        (Image.new("RGB", (0, 0)), "without pixels, 0 x 0"),
        (Image.new("F", (3, 3)), "no known range"),
    ],
)
def test_what_is_no_picture_is_refused(picture: Any, found: str) -> None:
    """The message says what was found and what would do; pickled arrays are never opened."""
    with pytest.raises(ModelError, match=found) as caught:
        read_picture(picture)
    assert caught.value.code == "picture_format"
    assert "a path" in caught.value.message


def test_sixteen_bits_are_scaled_in_every_form(tmp_path: Path) -> None:
    """A file, its bytes and the image of Pillow agree: nothing is cut off at 255."""
    grey = np.linspace(0, 65535, 35).astype(np.uint16).reshape(5, 7)
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), grey)
    expected = np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2)
    with Image.open(path) as opened:
        for form in (path, path.read_bytes(), opened):
            np.testing.assert_array_equal(read_picture(form), expected)


def test_a_file_that_claims_to_be_huge_is_refused() -> None:
    """What OpenCV will not decode is told as any other file that is no picture."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    claim = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
    with pytest.raises(ModelError, match="OpenCV refuses to decode the bytes given") as caught:
        read_picture(claim + chunk(b"IEND", b""))
    assert caught.value.code == "picture_format"


def test_polygons_outline_masks() -> None:
    """One polygon for each mask, of its largest part; one mask may come without a list."""
    masks = np.zeros((3, 20, 30), bool)
    masks[0, 5:10, 8:20] = True
    masks[0, 15, 2:28] = True  # longer, but a line
    masks[1, 3, 4] = True
    polygons = masks2poly(masks)
    assert [polygon.tolist() for polygon in polygons[1:]] == [[[4, 3]], []]
    assert polygons[2].shape == (0, 2)
    assert all(polygon.dtype == np.float32 for polygon in polygons)
    np.testing.assert_array_equal(sv.polygon_to_mask(polygons[0].astype(int), (30, 20)), _square())
    (alone,) = masks2poly(masks[0])
    np.testing.assert_array_equal(alone, polygons[0])
    with pytest.raises(ValueError, match=r"\(4,\)"):
        masks2poly(np.zeros(4, bool))


def _square() -> np.ndarray:
    square = np.zeros((20, 30))
    square[5:10, 8:20] = 1
    return square


@given(npst.arrays(np.bool_, st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(1, 6))))
def test_tight_masks_are_the_masks(dense: np.ndarray) -> None:
    """Cut to their boxes and put together, masks are what they were."""
    tight = [tighten(mask) for mask in dense]
    assert [each is None for each in tight] == [not mask.any() for mask in dense]
    kept = [each for each in tight if each is not None]
    joined = join_masks(kept, (dense.shape[2], dense.shape[1]))
    assert joined.shape == (len(kept), *dense.shape[1:])
    for each, mask in zip(joined, dense[[mask.any() for mask in dense]], strict=True):
        np.testing.assert_array_equal(np.asarray(each), mask)
