"""The video tracker as a block that Roboflow's engine can run."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from trackwire.specs import (
    Batch,
    BlockError,
    Event,
    Failure,
    Missing,
    Outcome,
    Resources,
    SessionError,
    TrackwireError,
)

from ..track.manifest import VideoTrackerManifest
from ..track.video_tracker import VideoTracker
from .guest_manifest import ON_ERROR, make_manifest
from .guest_values import (
    FrameCount,
    boxes_from_guest,
    detections_to_guest,
    frame_from_guest,
    stream_of,
)

if TYPE_CHECKING:
    from ..frame import Frame
    from .known_engine import KnownEngine

__all__ = ["GuestTracker", "make_tracker_block"]

_LOG: Final = logging.getLogger("trackwire.roboflow_plugin")
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_PREDICTIONS: Final = "predictions"
_OUTPUTS: Final = tuple(output.name for output in VideoTrackerManifest.outputs)


@dataclass(frozen=True, slots=True)
class _Element:
    """One element of that engine's batch, in our values."""

    index: int
    frame: Frame
    picture: Any
    boxes: Any


class GuestTracker:
    """Drives our video tracker with that engine's values.

    The engine tells a block neither its options before the first frame nor that a stream ended:
    the tracker opens with the first call, and the session of a stream that sent nothing for
    ``session_timeout_s`` is freed with the next call. Its ids stay used.

    Safe to call from several threads: calls wait for one another.

    Args:
        device: Where models run, as in :class:`Resources`.
        clock: Monotonic seconds; tests put their own in.
    """

    engine: ClassVar[KnownEngine]

    def __init__(
        self, device: str = "auto", *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resources = Resources(outbox=_log, device=device, clock=clock)
        self._lock = threading.Lock()
        self._tracker: VideoTracker | None = None
        self._options: dict[str, Any] = {}
        self._counts: dict[str, FrameCount] = {}

    @classmethod
    def get_init_parameters(cls) -> list[str]:
        """Name what the engine passes to ``__init__``."""
        return ["device"]

    @property
    def tracker(self) -> VideoTracker | None:
        """Our tracker, to look at; None before the first call and after :meth:`close`."""
        return self._tracker

    def run(
        self, images: Iterable[Any], boxes: Iterable[Any] | None = None, **options: Any
    ) -> list[dict[str, Any]]:
        """Track through a batch of pictures.

        Args:
            images: ``WorkflowImageData``, of one stream or of several, None for no picture.
            boxes: Detections for each, None where there are none; or None for no boxes at all.
            options: The other properties of the manifest, settled.

        Returns:
            The outputs by name for each picture, in order. Without a picture, and where a frame
            failed and ``on_error`` is ``skip``, they are None: the engine then leaves out for
            this element what depends on them.

        Raises:
            ModelError: The model is not known or cannot be loaded.
            TrackwireError: A frame failed and ``on_error`` is ``stop``, or an option changed
                since the first call.
        """
        on_error = options.pop(ON_ERROR, "skip")
        pictures = list(images)
        given = [None] * len(pictures) if boxes is None else list(boxes)
        results: list[dict[str, Any]] = [dict.fromkeys(_OUTPUTS) for _ in pictures]
        with self._lock:
            tracker = self._opened(options)
            self._forget_counts(tracker)
            for row, outcome in self._track(tracker, pictures, given):
                if isinstance(outcome, Failure):
                    if on_error == "stop":
                        raise outcome.error
                    _LOG.error("%s", outcome.error, exc_info=outcome.error)
                elif isinstance(outcome, Mapping):
                    tracks = detections_to_guest(outcome[_PREDICTIONS])
                    lineage = type(self).engine.attach_lineage(tracks, pictures[row])
                    results[row].update(outcome)
                    results[row][_PREDICTIONS] = lineage
        return results

    def close(self) -> None:
        """Free all sessions and let go of the model; the engine calls this when it ends."""
        with self._lock:
            tracker, self._tracker = self._tracker, None
            self._counts.clear()
            if tracker is not None:
                tracker.close()

    def _opened(self, options: dict[str, Any]) -> VideoTracker:
        if self._tracker is None:
            step = VideoTrackerManifest.model_validate(
                {
                    **options,
                    "type": "trackwire/video_tracker@v1",
                    "name": getattr(self, "_workflow_step_name", "video_tracker"),
                    "images": "$inputs.image",
                }
            )
            self._tracker = VideoTracker.open(step, self._resources)
            self._options = dict(options)
        elif options != self._options:
            changed = sorted(
                name for name in options if options[name] != self._options.get(name, options)
            )
            raise BlockError(
                f"{', '.join(changed)} changed while streams are tracked, from "
                f"{[self._options.get(name) for name in changed]} to "
                f"{[options[name] for name in changed]}; such an option holds for a whole run: "
                "wire it to a parameter that stays the same, or make a new pipeline",
                code="option_changes",
                property=changed[0] if changed else None,
            )
        return self._tracker

    def _forget_counts(self, tracker: VideoTracker) -> None:
        """Count only for streams that have a session."""
        for stream in [name for name in self._counts if tracker.sessions.peek(name) is None]:
            del self._counts[stream]

    def _track(
        self, tracker: VideoTracker, pictures: Sequence[Any], boxes: Sequence[Any]
    ) -> Iterator[tuple[int, Outcome]]:
        """Take the batch through the tracker, each stream's frames one after the other."""
        elements: list[_Element] = []
        for row, (picture, found) in enumerate(zip(pictures, boxes, strict=True)):
            if picture is None:
                continue
            try:
                elements.append(self._admit(row, picture, found))
            except (TrackwireError, ValueError, TypeError) as error:
                yield row, Failure(error)
        while elements:
            seen: Counter[str] = Counter()
            now: list[_Element] = []
            later: list[_Element] = []
            for element in elements:
                stream = element.frame.video.video_identifier
                (later if seen[stream] else now).append(element)
                seen[stream] += 1
            yield from self._round(tracker, now)
            elements = later

    def _admit(self, row: int, picture: Any, boxes: Any) -> _Element:
        metadata = picture.video_metadata
        stream = stream_of(metadata)
        last = self._counts.get(stream)
        count = FrameCount.first(metadata) if last is None else last.then(metadata)
        frame = frame_from_guest(picture, count)
        found = Missing("not_computed") if boxes is None else boxes_from_guest(boxes)
        if last is not None and (last.number, last.epoch) == (count.number, count.epoch):
            raise SessionError(
                f"frame {metadata.frame_number} of stream {stream!r} came twice: as two pictures, "
                "such as the crops of one frame, or in two calls; a tracker takes each frame of a "
                "stream once, so wire it to whole frames, or to one crop of each",
                code="frame_repeated",
                stream=stream,
                frame_number=count.number,
            )
        self._counts[stream] = count
        return _Element(row, frame, picture, found)

    def _round(
        self, tracker: VideoTracker, elements: Sequence[_Element]
    ) -> Iterator[tuple[int, Outcome]]:
        streams = [element.frame.video.video_identifier for element in elements]
        columns = {
            "images": [element.frame for element in elements],
            "boxes": [element.boxes for element in elements],
        }
        outcomes = tracker.run(Batch(streams, columns))
        for element, outcome in zip(elements, outcomes, strict=True):
            yield element.index, outcome


def make_tracker_block(engine: KnownEngine) -> type[Any]:
    """Make the block class on the engine's base class.

    Args:
        engine: The engine found in this environment.

    Returns:
        A subclass of its ``WorkflowBlock`` for ``trackwire/video_tracker@v1``.
    """
    manifest = make_manifest(engine)

    return type(
        "VideoTrackerBlock",
        (GuestTracker, engine.block),
        {
            "__module__": __name__,
            "__doc__": GuestTracker.__doc__,
            "engine": engine,
            "get_manifest": staticmethod(lambda: manifest),
        },
    )


def _log(event: Event) -> None:
    _LOG.log(_LEVELS[event.severity], "%s: %s", event.kind, event.message)
