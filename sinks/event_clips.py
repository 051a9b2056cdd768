"""Clips of events, with what came before them."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from trackwire.blocks import Frame
from trackwire.specs import SinkError

from .delivery import Delivery, Frames, Predictions, deliveries, make_folder, stream_folder
from .event_clip import EventClip
from .json_line import line_entry
from .overlay import PictureChoice
from .packet_ring import EncodedPicture, PacketRing
from .picture_encoder import PictureEncoder

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

__all__ = ["Condition", "EventClipSink"]

Condition: TypeAlias = Callable[[Mapping[str, Any], Frame], bool]
"""Tells from the outputs of a frame and the frame whether the event goes on."""

_FOLDER: Final = "events"
_PATHS_KEPT: Final = 1000


@dataclass(slots=True)
class _Watch:
    """What is held of one stream: its encoder, the latest seconds, and the clip at work."""

    choice: PictureChoice
    ring: PacketRing
    encoder: PictureEncoder
    epoch: int
    pending: deque[tuple[int, Fraction]] = field(default_factory=deque)
    clip: EventClip | None = None
    event_s: Fraction = Fraction(0)
    last_true_s: Fraction = Fraction(0)


class EventClipSink:
    """Writes an MP4 and a JSON file for each event, beginning before it.

    The picture of each frame is encoded once, and the latest seconds are held as H.264, bounded in
    bytes; when an event begins they are the beginning of its clip. A clip goes on until
    ``post_roll_s`` after the last frame on which the event was true, and begins at a keyframe,
    of which there is one each second. An event that lasts longer than ``max_clip_s`` gets
    further clips. A reconnect and a change of size end a clip.

    Files are ``<video_identifier>/events/event-<name>.mp4`` and ``.json`` below the target, named
    by the time of the event's first frame (UTC) of a live source, of a file by its number. No
    file is ever replaced. The JSON has ``schema``, ``video``, ``video_identifier``, ``epoch``,
    ``event_frame``, ``event_time``, ``media_time_s``, ``outputs`` of that frame, ``status``
    (``recording``, ``finished``) and at the end ``ended_by`` (``event_over``, ``max_clip``,
    ``gap``, ``size``, ``closed``), ``frames``, ``first_frame``, ``last_frame``, ``length_s``.

    Args:
        target: A folder.
        when: Name of an output that is a boolean, or a callable that takes the outputs of a
            frame and the frame.
        pre_roll_s: Seconds before the event, by the stream's clock.
        post_roll_s: Seconds after it.
        max_clip_s: Most seconds of a clip, without what comes before the event.
        buffer_bytes: Most bytes held of a stream. Where they do not hold ``pre_roll_s`` a clip
            begins later.
        image_output: Name of the image output to write; None for the only one, else the
            detections are drawn.
        quality: x264's constant rate factor: 0 is lossless, 51 worst.

    Raises:
        ValueError: A value is out of range.

    Example:
        >>> sink = EventClipSink("out", when=lambda outputs, frame: len(outputs["tracks"]) > 3)
    """

    def __init__(
        self,
        target: str | Path,
        when: str | Condition,
        *,
        pre_roll_s: float = 5.0,
        post_roll_s: float = 5.0,
        max_clip_s: float = 120.0,
        buffer_bytes: int = 64 * 2**20,
        image_output: str | None = None,
        quality: int = 23,
    ) -> None:
        for name, value in (("pre_roll_s", pre_roll_s), ("post_roll_s", post_roll_s)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be 0 or more, found {value}")
        for name, value in (("max_clip_s", max_clip_s), ("buffer_bytes", buffer_bytes)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} must be more than 0, found {value}")
        if not 0 <= quality <= 51:
            raise ValueError(f"quality must be from 0 (lossless) to 51, found {quality}")
        self._target = Path(target)
        self._when = when
        self._pre_roll_s = Fraction(pre_roll_s)
        self._post_roll_s = Fraction(post_roll_s)
        self._max_clip_s = Fraction(max_clip_s)
        self._buffer_bytes = buffer_bytes
        self._image_output = image_output
        self._quality = quality
        self._watches: dict[str, _Watch] = {}
        self._paths: deque[Path] = deque(maxlen=_PATHS_KEPT)
        self._lock = threading.Lock()
        self._closed = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The clips begun so far, in order; of very many the latest thousand."""
        return tuple(self._paths)

    @property
    def buffered_bytes(self) -> int:
        """Bytes held of all streams now."""
        with self._lock:
            return sum(watch.ring.nbytes for watch in self._watches.values())

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Take the result of a frame, or of several sources' frames.

        Raises:
            SinkError: A clip cannot be written, the output of the event is no boolean, or the
                sink is closed.
        """
        with self._lock:
            if self._closed:
                raise SinkError(f"the event sink for {self._target} is closed; make a new one")
            for delivery in deliveries(predictions, frame):
                self._take(delivery)

    def close(self) -> None:
        """Finish the clips; again does nothing.

        Raises:
            SinkError: One cannot be finished; the others are.
        """
        with self._lock:
            self._closed = True
            first_error: SinkError | None = None
            watches, self._watches = self._watches, {}
            for watch in watches.values():
                try:
                    self._end(watch, "closed")
                except SinkError as error:
                    first_error = first_error or error
            if first_error is not None:
                raise first_error

    def _take(self, delivery: Delivery) -> None:
        import av

        outputs, frame = delivery
        is_true = self._is_true(outputs, frame)
        watch = self._watches.get(frame.video.video_identifier)
        choice = PictureChoice(self._image_output) if watch is None else watch.choice
        image = choice.choose(outputs, frame)
        size_wh = (image.shape[1], image.shape[0])
        if watch is not None and (
            watch.epoch != frame.video.epoch or watch.encoder.size_wh != size_wh
        ):
            del self._watches[frame.video.video_identifier]
            self._end(watch, "size" if watch.encoder.size_wh != size_wh else "gap")
            watch = None
        if watch is None:
            watch = self._watches[frame.video.video_identifier] = self._watch(
                choice, size_wh, frame
            )
        now_s = frame.video.clock_s
        watch.pending.append((frame.video.frame_number, now_s))
        try:
            packets = watch.encoder.encode(image, frame.video.media_time_s)
        except av.FFmpegError as error:
            raise SinkError(f"{frame.image_id} cannot be encoded: {error}") from error
        self._hand_on(watch, packets)
        if is_true:
            watch.last_true_s = now_s
        if watch.clip is None:
            if is_true:
                watch.clip = self._begin(watch, delivery)
        elif not is_true and now_s - watch.last_true_s >= self._post_roll_s:
            self._finish(watch, "event_over")
        elif now_s - watch.event_s >= self._max_clip_s:
            self._finish(watch, "max_clip")

    def _is_true(self, outputs: Mapping[str, Any], frame: Frame) -> bool:
        import numpy as np

        if not isinstance(self._when, str):
            return bool(self._when(outputs, frame))
        value = outputs.get(self._when)
        if value is None and self._when in outputs:
            return False  # the step that says so was not run for this frame
        if isinstance(value, bool | np.bool_):
            return bool(value)
        names = [name for name, each in outputs.items() if isinstance(each, bool | np.bool_)]
        raise SinkError(
            f"the event's output {self._when!r} is no boolean but {type(value).__name__}; outputs "
            f"that are: {', '.join(names) or 'none'}. Or give a callable"
        )

    def _watch(self, choice: PictureChoice, size_wh: tuple[int, int], frame: Frame) -> _Watch:
        import av

        try:
            # Only for its encoder, which needs a container's global header; nothing is muxed.
            container = av.open(io.BytesIO(), "w", format="mp4")
            encoder = PictureEncoder(
                container, size_wh, fps=frame.video.fps, quality=self._quality, keyframe_s=1
            )
            container.start_encoding()
        except av.FFmpegError as error:
            raise SinkError(f"pictures of {size_wh} cannot be encoded: {error}") from error
        ring = PacketRing(self._pre_roll_s, self._buffer_bytes)
        return _Watch(choice, ring, encoder, frame.video.epoch)

    def _hand_on(self, watch: _Watch, packets: list[Packet[VideoStream]]) -> None:
        """Put packets into the ring and the clip, each with the frame that it shows."""
        for packet in packets:
            frame_number, clock_s = watch.pending.popleft()
            picture = EncodedPicture(
                payload=bytes(packet),
                pts=packet.pts or 0,
                time_base=packet.time_base,
                is_keyframe=packet.is_keyframe,
                frame_number=frame_number,
                clock_s=clock_s,
            )
            watch.ring.append(picture)
            if watch.clip is not None and (watch.clip.frames or picture.is_keyframe):
                watch.clip.write(picture)

    def _begin(self, watch: _Watch, delivery: Delivery) -> EventClip:
        frame = delivery.frame
        folder = make_folder(stream_folder(self._target, frame.video.video_identifier) / _FOLDER)
        entry = line_entry(delivery)
        description = {
            "video_identifier": frame.video.video_identifier,
            "epoch": frame.video.epoch,
            "event_frame": frame.video.frame_number,
            "event_time": frame.frame_timestamp.isoformat(timespec="milliseconds"),
            "media_time_s": entry["media_time_s"],
            "outputs": entry["outputs"],
        }
        clip = EventClip(_free_path(folder, frame), watch.encoder.stream, description)
        self._paths.append(clip.path)
        watch.event_s = frame.video.clock_s
        for picture in watch.ring:
            clip.write(picture)
        return clip

    def _finish(self, watch: _Watch, ended_by: str) -> None:
        clip, watch.clip = watch.clip, None
        if clip is not None:
            clip.close(ended_by)

    def _end(self, watch: _Watch, ended_by: str) -> None:
        """Finish the clip with all that the encoder still has."""
        if watch.clip is not None:
            self._hand_on(watch, watch.encoder.flush())
        self._finish(watch, ended_by)


def _free_path(folder: Path, frame: Frame) -> Path:
    if frame.video.comes_from_video_file is False:
        time = frame.frame_timestamp.astimezone(UTC)
        name = f"event-{time:%Y%m%dT%H%M%S}.{time.microsecond // 1000:03d}Z"
    else:
        name = f"event-{frame.video.frame_number:06d}"
    path, number = folder / f"{name}.mp4", 1
    while path.exists() or path.with_name(f"{path.name[:-4]}.json").exists():
        number += 1
        path = folder / f"{name}-{number:03d}.mp4"
    return path
