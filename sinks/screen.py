"""Results on the screen."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from .delivery import Delivery, Frames, Predictions, deliveries
from .overlay import choose_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["render_boxes"]

_LOG: Final = logging.getLogger("trackwire.sinks")
_PROBE_TIMEOUT_S: Final = 15.0
_LONGEST_SIDE: Final = 1280
_PROBE: Final = """
import cv2, numpy
cv2.imshow("probe", numpy.zeros((8, 8, 3), numpy.uint8))
cv2.waitKey(1)
cv2.destroyAllWindows()
"""


def render_boxes(predictions: Predictions, frame: Frames) -> None:
    """Show results in a window per stream: the only image output, else the detections drawn.

    Needs a build of OpenCV with windows and a display that answers. Whether there are is tried
    once, in a child process, since OpenCV ends the whole process where there is no display. If
    not, a warning of the logger ``trackwire.sinks`` says once that nothing is shown, and calls
    do nothing. Pictures above 1280 pixels are shown smaller. Call it from one thread, the main
    thread on macOS.

    Args:
        predictions: Outputs of the workflow by name, or a list of them.
        frame: The frame, or a list of frames.

    Raises:
        SinkError: The arguments do not belong together.
    """
    for delivery in deliveries(predictions, frame):
        _WINDOWS.show(delivery)


class _Windows:
    """The windows of this process, and whether there can be any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told = False

    def show(self, delivery: Delivery) -> None:
        problem = display_problem()
        if problem is not None:
            with self._lock:
                told, self._told = self._told, True
            if not told:
                _LOG.warning("nothing is shown: %s", problem)
            return
        import cv2

        outputs, frame = delivery
        picture = _fit(choose_picture(outputs, frame, None))
        cv2.imshow(f"trackwire: {frame.video.video_identifier}", picture)
        cv2.waitKey(1)


_WINDOWS: Final = _Windows()


@lru_cache(maxsize=1)
def display_problem() -> str | None:
    """Find out, once per process, why no window can be opened.

    Returns:
        What is missing and how to get it, or None if windows work.
    """
    try:
        import cv2
    except ImportError as error:
        return f"OpenCV is missing ({error}); install opencv-python"
    if _window_system(cv2) in {"", "NONE"}:
        return (
            "this build of OpenCV has no windows; install opencv-python in place of "
            "opencv-python-headless, or write a video with VideoFileSink"
        )
    try:
        probe = subprocess.run(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no display answers ({type(error).__name__})"
    if probe.returncode:
        return (
            f"no display answers (a trial window ended with code {probe.returncode}); set DISPLAY, "
            "or write a video with VideoFileSink"
        )
    return None


def _window_system(cv2: Any) -> str:
    for line in cv2.getBuildInformation().splitlines():
        name, _, value = line.strip().partition(":")
        if name == "GUI":
            return str(value.strip())
    return ""


def _fit(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    scale = _LONGEST_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    smaller = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)
