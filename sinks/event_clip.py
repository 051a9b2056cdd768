"""One clip: the video of an event and the JSON that describes it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import SinkError

from .json_file import write_json
from .video_writer import MP4_OPTIONS

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from .packet_ring import EncodedPicture

__all__ = ["EVENT_CLIP_SCHEMA", "EventClip"]

EVENT_CLIP_SCHEMA: Final = "trackwire.event_clip/1"
"""Value of ``schema`` in a clip's JSON; the number rises when a reader must change."""


class EventClip:
    """An MP4 that takes encoded pictures, and its JSON. Used by one thread at a time.

    The JSON says ``recording`` from the start, so that a crash leaves both files usable.

    Args:
        path: The MP4; its folder exists. The JSON stands beside it.
        template: Stream of the encoder that made the pictures.
        description: What the JSON says of the event.

    Raises:
        SinkError: The files cannot be made.
    """

    def __init__(self, path: Path, template: VideoStream, description: Mapping[str, Any]) -> None:
        import av

        self.path = path
        self.frames = 0
        self.began_s: Fraction | None = None
        self._first: EncodedPicture | None = None
        self._last: EncodedPicture | None = None
        self._description = {
            "schema": EVENT_CLIP_SCHEMA,
            "video": path.name,
            **description,
        }
        write_json(path.with_suffix(".json"), {**self._description, "status": "recording"})
        try:
            self._container = av.open(f"file:{path}", "w", format="mp4", options=dict(MP4_OPTIONS))
            self._stream = self._container.add_stream_from_template(template)
            self._stream.time_base = template.time_base or self._stream.time_base
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be made", error) from error

    def write(self, picture: EncodedPicture) -> None:
        """Append a picture; the first is a keyframe.

        Raises:
            SinkError: It cannot be written.
        """
        import av

        if self._first is None:
            self._first, self.began_s = picture, picture.clock_s
        packet = av.Packet(picture.payload)
        packet.stream = self._stream
        packet.time_base = picture.time_base
        packet.pts = packet.dts = picture.pts - self._first.pts
        packet.is_keyframe = picture.is_keyframe
        try:
            self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be written", error) from error
        self._last = picture
        self.frames += 1

    def close(self, ended_by: str) -> None:
        """Finish both files.

        Args:
            ended_by: Why it ends.

        Raises:
            SinkError: They cannot be finished.
        """
        import av

        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be finished", error) from error
        first, last = self._first, self._last
        extent = {
            "status": "finished",
            "ended_by": ended_by,
            "frames": self.frames,
            "first_frame": None if first is None else first.frame_number,
            "last_frame": None if last is None else last.frame_number,
            "length_s": 0.0
            if first is None or last is None
            else float((last.pts - first.pts) * last.time_base),
        }
        write_json(self.path.with_suffix(".json"), {**self._description, **extent})

    def _error(self, what: str, error: Exception) -> SinkError:
        reason = getattr(error, "strerror", None) or error
        return SinkError(f"event clip {self.path} {what}: {reason}", path=str(self.path))
