"""Steering a tracker while it runs: prompts, removals, names, merges and resets by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import numpy as np

from .commands import (
    LabelTrack,
    MergeTracks,
    PromptTrack,
    RemoveTrack,
    RenameTrack,
    ResetStream,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from trackwire.specs import StreamKey

    from .mailbox import Mailbox
    from .tracker_status import TrackerStatus

__all__ = ["TrackerControl"]


class TrackerControl:
    """Asks a running tracker to correct itself.

    Callable from any thread. What is asked for happens before the next frame of the stream, in
    the order in which it was asked, and shows in the results of that frame. Each call returns a
    future at once: ``result(timeout)`` waits until it has happened, and raises the
    :class:`~trackwire.specs.SessionError` if it could not. A future may be cancelled as long as
    the frame has not come. What cannot be right by what is known now (a stream or a track that is
    not there, an id that is used up) raises at once.

    A stream is known from its first frame to its end.

    Args:
        mailbox: Takes the requests.
        status: Makes the status.
    """

    def __init__(self, mailbox: Mailbox, status: Callable[[], TrackerStatus]) -> None:
        self._mailbox = mailbox
        self._status = status

    @property
    def streams(self) -> tuple[StreamKey, ...]:
        """The streams that are known, by ``video_identifier``."""
        return self._mailbox.streams

    def status(self) -> TrackerStatus:
        """Say which streams are tracked, which tracks they have, and what that takes."""
        return self._status()

    def prompt(
        self,
        stream: StreamKey,
        *,
        box: Sequence[float] | NDArray[np.floating] | None = None,
        points: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        mask: NDArray[np.bool_] | None = None,
        tracker_id: int | None = None,
        class_name: str = "",
    ) -> Future[int]:
        """Begin a track where a prompt points, or show the model one of its tracks anew.

        A track that is begun so follows the same rules as all others, but that it is born
        whatever it lies on.

        Args:
            stream: The ``video_identifier``.
            box: ``(x1, y1, x2, y2)`` in pixels of the frame, half-open; what sticks out is cut
                off.
            points: ``(P, 2)`` x, y in pixels of the frame.
            labels: ``(P,)`` 1 for points on the object, 0 for points off it; all 1 if left out.
            mask: ``(H, W)`` bool of the frame's size. Copied.
            tracker_id: A live track; None begins a new one.
            class_name: What is tracked. It is kept whatever detections say; empty for theirs.

        Returns:
            The ``tracker_id``. The future fails with ``prompt_size`` or ``prompt_outside`` if
            the prompt does not fit the frame, ``nothing_found`` if the model makes no mask of
            it, ``max_objects`` if there is no room, and ``tracking_failed`` if the model does.

        Raises:
            SessionError: The stream or the track is not known.
            ValueError: Not exactly one of box, points and mask is given, or it is malformed.
        """
        asked = _prompt(box, points, labels, mask, tracker_id, class_name)
        return self._mailbox.put(stream, asked)

    def remove(self, stream: StreamKey, tracker_id: int) -> Future[int]:
        """End a track.

        Args:
            stream: The ``video_identifier``.
            tracker_id: A live track. Its id is not used again; if its object is detected
                later, that is a new track.

        Raises:
            SessionError: The stream or the track is not known.
        """
        return self._mailbox.put(stream, RemoveTrack(int(tracker_id)))

    def rename(
        self,
        stream: StreamKey,
        tracker_id: int,
        to: int | str,
    ) -> Future[int]:
        """Give a track another id, or another class name.

        Args:
            stream: The ``video_identifier``.
            tracker_id: A live track.
            to: An integer above every id used so far in the stream, under which the track goes
                on (ids given out later are above it); or a class name, which detections do not
                change any more (empty for theirs again).

        Returns:
            The ``tracker_id`` from now on.

        Raises:
            SessionError: The stream or the track is not known, or the id is used up.
        """
        if isinstance(to, str):
            label = to
            return self._mailbox.put(stream, LabelTrack(int(tracker_id), label))
        number = int(to)
        return self._mailbox.put(stream, RenameTrack(int(tracker_id), number))

    def merge(self, stream: StreamKey, tracker_id: int, other: int) -> Future[int]:
        """Make one track of two.

        Args:
            stream: The ``video_identifier``.
            tracker_id: The track that goes on: a live one, or one of the last 1,024 that ended,
                which thereby comes back.
            other: A live track that is the same object; its id is not used again. If only it is
                in sight, its mask and memory are those that go on.

        Returns:
            ``tracker_id``.

        Raises:
            SessionError: The stream or a track is not known, or both are the same.
        """
        pair = MergeTracks(int(tracker_id), int(other))
        return self._mailbox.put(stream, pair)

    def reset(self, stream: StreamKey) -> Future[None]:
        """End all tracks of a stream and begin anew: the next frame is the first one.

        Ids go on from where they are.

        Args:
            stream: The ``video_identifier``.

        Raises:
            SessionError: The stream is not known.
        """
        return self._mailbox.put(stream, ResetStream())


def _prompt(
    box: Sequence[float] | NDArray[np.floating] | None,
    points: ArrayLike | None,
    labels: ArrayLike | None,
    mask: NDArray[np.bool_] | None,
    tracker_id: int | None,
    class_name: str,
) -> PromptTrack:
    track = None if tracker_id is None else int(tracker_id)
    given = [
        name
        for name, value in (("box", box), ("points", points), ("mask", mask))
        if value is not None
    ]
    if len(given) != 1:
        raise ValueError(
            f"a prompt is one of box, points and mask, found {' and '.join(given) or 'none'}"
        )
    if labels is not None and points is None:
        raise ValueError("labels belong to points, and there are none")
    if box is not None:
        return PromptTrack(track, xyxy=_box(box), class_name=class_name)
    if points is not None:
        places, on = _points(points, labels)
        return PromptTrack(track, points=places, labels=on, class_name=class_name)
    pixels = np.array(mask, dtype=bool)
    pixels.flags.writeable = False
    if pixels.ndim != 2 or not pixels.any():
        raise ValueError(
            f"a mask is (H, W) bool with a pixel that is set, found shape {pixels.shape} with "
            f"{int(pixels.sum())} set"
        )
    return PromptTrack(track, mask=pixels, class_name=class_name)


def _box(box: Sequence[float] | NDArray[np.floating]) -> tuple[float, float, float, float]:
    sides = [float(side) for side in box]
    sound = len(sides) == 4 and all(map(math.isfinite, sides))
    if not sound or sides[2] <= sides[0] or sides[3] <= sides[1]:
        raise ValueError(f"a box is (x1, y1, x2, y2) with x1 < x2 and y1 < y2, found {sides}")
    x1, y1, x2, y2 = sides
    return (x1, y1, x2, y2)


def _points(
    points: ArrayLike, labels: ArrayLike | None
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    places = np.array(points, dtype=np.float32)
    if places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all():
        raise ValueError(f"points are (P, 2) finite x, y in pixels, found shape {places.shape}")
    on = np.ones(len(places), np.int32) if labels is None else np.array(labels, dtype=np.int32)
    if on.shape != (len(places),) or not np.isin(on, (0, 1)).all() or not on.any():
        raise ValueError(
            f"labels are one 0 or 1 for each of {len(places)} points, at least one of them 1, "
            f"found {on.tolist()}"
        )
    return places, on
