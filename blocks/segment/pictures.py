"""Reading a single picture in whatever form it is given."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from trackwire.specs import ModelError

from ..frame import Frame
from .pillow_pictures import rgb_of_pillow

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    Picture: TypeAlias = (
        str | Path | bytes | NDArray[np.uint8] | Image.Image | Frame | Mapping[str, Any]
    )

__all__ = ["read_picture"]

_ALLOWED = (
    "a path, the bytes of an image file, a (H, W, 3) uint8 array in BGR order, an image of "
    'Pillow, a Frame, or {"type": "base64", "value": ...}'
)


def read_picture(picture: Picture) -> NDArray[np.uint8]:
    """Read a picture.

    Args:
        picture: A path, the bytes of an image file, an array as OpenCV has them ((H, W, 3) uint8
            BGR; (H, W, 4) and (H, W) too), an image of Pillow, a frame, or what HTTP bodies
            hold: ``{"type": "base64", "value": TEXT}``.

    Returns:
        ``(H, W, 3)`` uint8 RGB, 0-255. The orientation that a file notes is applied to what is
        decoded here; an array or an image of Pillow is taken as it lies.

    Raises:
        ModelError: There is no such file, it is no picture, or the form is unknown.
    """
    given: Any = _unpacked(picture) if isinstance(picture, Mapping) else picture
    if isinstance(given, str | Path):
        return _decoded(_file(given), str(given))
    if isinstance(given, bytes | bytearray | memoryview):
        return _decoded(bytes(given), "the bytes given")
    if isinstance(given, Frame | np.ndarray):
        return _from_array(given.image if isinstance(given, Frame) else given)
    if hasattr(given, "convert") and hasattr(given, "getbands"):  # Pillow need not be imported
        try:
            return rgb_of_pillow(given)
        except ValueError as error:
            raise _unreadable(f"found {error}") from error
    raise _unreadable(f"found a {type(given).__name__}")


def _file(path: str | Path) -> bytes:
    if str(path).startswith(("http://", "https://")):
        raise _unreadable(f"found an address, {path}; fetch it and pass the bytes on")
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise _unreadable(f"{path} cannot be read: {error.strerror or error}") from error


def _unpacked(packed: Mapping[str, Any]) -> Any:
    kind, value = packed.get("type"), packed.get("value")
    if kind == "base64" and isinstance(value, str):
        text = value.partition(",")[2] if value.startswith("data:") else value
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise _unreadable(f"the value is no base64: {error}") from error
    if kind in {"file", "url"} and isinstance(value, str):
        return value
    if kind in {"numpy", "numpy_object", "pil"} and not isinstance(value, str | bytes):
        return value  # pickled arrays are not read: they could run anything
    raise _unreadable(f"found type {kind!r} with a {type(value).__name__}")


def _from_array(array: NDArray[Any]) -> NDArray[np.uint8]:
    import cv2

    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    code = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}.get(channels)
    if code is None or array.dtype != np.uint8 or array.size == 0:
        raise _unreadable(f"found an array of shape {array.shape} and type {array.dtype}")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(array), code), np.uint8)


def _decoded(content: bytes, where: str) -> NDArray[np.uint8]:
    import cv2

    packed = np.frombuffer(content, np.uint8)
    try:
        decoded = cv2.imdecode(packed, cv2.IMREAD_COLOR) if len(packed) else None
    except cv2.error as error:  # among others for more pixels than OpenCV is allowed to decode
        raise _unreadable(f"OpenCV refuses to decode {where}: {error.err}") from error
    if decoded is None:
        raise _unreadable(f"no picture could be decoded from {where}")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _unreadable(found: str) -> ModelError:
    return ModelError(f"a picture must be {_ALLOWED}; {found}", code="picture_format")
