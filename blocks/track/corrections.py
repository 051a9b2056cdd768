"""What requests make of a session's tracks, before the model sees the next frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from trackwire.specs import SessionError

from ..models.seam import Prompt
from .appearance import describe
from .commands import (
    LabelTrack,
    MergeTracks,
    PromptTrack,
    RemoveTrack,
    RenameTrack,
    ResetStream,
    Roll,
)
from .evidence import Evidence
from .session import Standing
from .track_events import TrackEvent, all_ended
from .track_table import TrackTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..frame import Frame
    from .mailbox import Request

__all__ = ["Corrections", "HandPrompt", "answered"]


@dataclass(frozen=True, slots=True, eq=False)
class HandPrompt:
    """A prompt that was asked for, held against the frame it is for.

    Args:
        request: Who asked.
        command: What for.
        track_id: The track as the model knows it, None for a new one.
        xyxy: ``(4,)`` float32, the box inside the frame; around the points or the mask where no
            box was given.
    """

    request: Request
    command: PromptTrack
    track_id: int | None
    xyxy: NDArray[np.float32]

    def for_model(self, track_id: int) -> Prompt:
        """Return the prompt as the model takes it, for a track."""
        asked = self.command
        x1, y1, x2, y2 = self.xyxy.tolist()
        return Prompt(
            track_id,
            xyxy=None if asked.xyxy is None else (x1, y1, x2, y2),
            points=asked.points,
            labels=asked.labels,
            mask=asked.mask,
        )


@dataclass(slots=True)
class Corrections:
    """A session's standing with all that was asked for, and what is left to do of it.

    Made with :meth:`of`, and only read from then on.

    Args:
        standing: With tracks removed, renamed, merged and labelled.
        roll: The ids there are and were.
        frame: The coming frame.
        dropped: Tracks (``track_id``) that the model forgets.
        began_anew: Whether a reset dropped all there was before.
        events: What happened to tracks.
        prompts: What the model is to be shown, for tracks that are there and for new ones.
        answers: What became of the requests that are done with.
    """

    standing: Standing
    roll: Roll
    frame: Frame
    dropped: set[int] = field(default_factory=set)
    began_anew: bool = False
    events: list[TrackEvent] = field(default_factory=list)
    prompts: list[HandPrompt] = field(default_factory=list)
    answers: list[tuple[Request, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, standing: Standing, roll: Roll, requests: Sequence[Request], frame: Frame) -> Self:
        """Carry out requests in order; one that cannot be is answered with its error.

        Args:
            standing: Where the session stands.
            roll: Its ids.
            requests: What was asked for.
            frame: The coming frame.
        """
        corrections = cls(standing, roll, frame)
        for request in requests:
            try:
                corrections._carry_out(request)
            except SessionError as error:
                corrections.answers.append((request, error))
        return corrections

    def prompts_of(self, table: TrackTable) -> dict[int, HandPrompt]:
        """Return the prompts for tracks that are there, by ``track_id``.

        Args:
            table: The tracks.
        """
        there = set(table.track_id.tolist())
        return {
            p.track_id: p for p in self.prompts if p.track_id is not None and p.track_id in there
        }

    def fresh_prompts(
        self, table: TrackTable, room: int
    ) -> tuple[list[HandPrompt], list[tuple[Request, SessionError]]]:
        """Return the prompts that begin a track, and the answers to those that can do nothing.

        Args:
            table: The tracks there are by now.
            room: Tracks that may still be added.
        """
        there = set(table.track_id.tolist())
        fresh = [prompt for prompt in self.prompts if prompt.track_id is None]
        gone = [p for p in self.prompts if p.track_id is not None and p.track_id not in there]
        return fresh[:room], [
            *((prompt.request, self._no_room()) for prompt in fresh[room:]),
            *((prompt.request, self._gone(prompt)) for prompt in gone),
        ]

    def newborn(self, fresh: Sequence[HandPrompt], track_ids: NDArray[np.int64]) -> TrackTable:
        """Make tracks of prompts that begin one.

        Args:
            fresh: ``K`` prompts.
            track_ids: ``(K,)`` their ids.
        """
        names = [f"{self.frame.image_id}/prompts/{number}" for number in range(len(fresh))]
        xyxy = np.array([prompt.xyxy for prompt in fresh], np.float32).reshape(-1, 4)
        table = TrackTable.newborn(
            track_ids,
            Evidence(
                xyxy=xyxy,
                confidence=np.ones(len(fresh), dtype=np.float32),
                class_id=np.zeros(len(fresh), dtype=np.int64),
                class_name=np.full(len(fresh), ""),
                detection_id=np.array(names, dtype=str),
                look=describe(self.frame.image, xyxy),
                clear=np.ones(len(fresh), dtype=bool),
            ),
        )
        # The class is a label: it fits every detection's class, and outlasts them all.
        return replace(table, label=np.array([p.command.class_name for p in fresh], dtype=str))

    def _carry_out(self, request: Request) -> None:
        command = request.command
        result: int | None = None
        roll = self.roll.after(command)
        match command:
            case PromptTrack():
                self._take_prompt(request, command)
                return
            case RemoveTrack(tracker_id=track):
                result = track
                self._tell("ended", "removed", track)
                self._drop(self._row(track))
            case RenameTrack(tracker_id=track, to=to):
                result = to
                self._tell("renamed", "requested", track, into=to)
                self._know(track, tracker_id=to)
            case LabelTrack(tracker_id=track, label=label):
                result = track
                self._know(track, label=label)
            case MergeTracks(tracker_id=track, other=other):
                result = track
                self._merge(track, other)
            case ResetStream():
                self._begin_anew()
        self.roll = roll
        self.answers.append((request, result))

    def _take_prompt(self, request: Request, command: PromptTrack) -> None:
        xyxy = _box_of(command, self.frame, self.roll.stream)
        track_id = None
        if command.tracker_id is not None:
            row = self._row(command.tracker_id)
            track_id = int(self.standing.table.track_id[row])
            if command.class_name:
                self._know(command.tracker_id, label=command.class_name)
        # Of two prompts for one track the later one counts; the model takes one each.
        same = [each for each in self.prompts if track_id is not None and each.track_id == track_id]
        for prompt in same:
            self.prompts.remove(prompt)
            self.answers.append((prompt.request, command.tracker_id))
        self.prompts.append(HandPrompt(request, command, track_id, xyxy))

    def _merge(self, track: int, other: int) -> None:
        table = self.standing.table
        self._tell("merged", "requested", other, into=track)
        if track in self.roll.live:
            row, twin = self._row(track), self._row(other)
            if table.unseen[row] == 0 or table.unseen[twin] > 0:
                self._drop(twin)
                return
            # The one that is seen is the one the model knows the looks of.
            self._know(other, label=str(table.label[row]) or None)
            self._drop(row)
        if self.standing.table.unseen[self._row(other)] == 0:
            self.events.append(self._event("found", "requested", track, row=self._row(other)))
        self._know(other, tracker_id=track)

    def _begin_anew(self) -> None:
        self.events.extend(all_ended(self.standing, "reset", self.frame.video.frame_number))
        for prompt in self.prompts:
            self.answers.append((prompt.request, self._gone(prompt)))
        self.prompts.clear()
        self.dropped.clear()
        self.standing = Standing.fresh()
        self.began_anew = True

    def _drop(self, row: int) -> None:
        table = self.standing.table
        track_id = int(table.track_id[row])
        for prompt in [each for each in self.prompts if each.track_id == track_id]:
            self.prompts.remove(prompt)
            self.answers.append((prompt.request, self._gone(prompt)))
        self.dropped.add(track_id)
        kept = np.delete(np.arange(len(table)), row)
        self.standing = replace(self.standing, table=table.take(kept))

    def _know(self, track: int, *, tracker_id: int | None = None, label: str | None = None) -> None:
        row = self._row(track)
        table = self.standing.table.known_as(row, tracker_id=tracker_id, label=label)
        self.standing = replace(self.standing, table=table)

    def _row(self, track: int) -> int:
        return int(np.flatnonzero(self.standing.table.tracker_id == track)[0])

    def _tell(self, kind: Any, reason: Any, track: int, *, into: int | None = None) -> None:
        self.events.append(self._event(kind, reason, track, row=self._row(track), into=into))

    def _event(
        self, kind: Any, reason: Any, track: int, *, row: int, into: int | None = None
    ) -> TrackEvent:
        name = str(self.standing.table.shown_class()[row])
        return TrackEvent(kind, track, reason, self.frame.video.frame_number, name, into)

    def _no_room(self) -> SessionError:
        return SessionError(
            f"stream {self.roll.stream!r} has {len(self.roll.live)} tracks, as many as max_objects "
            "allows; raise it, or remove a track first",
            code="max_objects",
            stream=self.roll.stream,
        )

    def _gone(self, prompt: HandPrompt) -> SessionError:
        track = prompt.command.tracker_id
        what = "the new track" if track is None else f"track {track}"
        return SessionError(
            f"{what} of stream {self.roll.stream!r} was prompted and taken away before one frame; "
            "let a frame pass in between",
            code="prompt_withdrawn",
            stream=self.roll.stream,
        )


def answered(
    prompts: Mapping[int, HandPrompt], table: TrackTable, visible: NDArray[np.bool_], stream: str
) -> list[tuple[Request, Any]]:
    """Tell what became of prompts that were shown to the model.

    Args:
        prompts: The prompts by ``track_id``.
        table: ``(N,)`` tracks.
        visible: ``(N,)`` whether the model sees them now.
        stream: The ``video_identifier``.

    Returns:
        Each request with the ``tracker_id``, or with an error if nothing is to be seen.
    """
    answers: list[tuple[Request, Any]] = []
    for row in np.flatnonzero(np.isin(table.track_id, list(prompts))).tolist():
        request, result = prompts[int(table.track_id[row])].request, int(table.tracker_id[row])
        nothing = SessionError(
            f"the model found nothing to follow where a prompt for stream {stream!r} points; "
            "draw a box around the whole object, or give its mask",
            code="nothing_found",
            stream=stream,
        )
        answers.append((request, result if visible[row] else nothing))
    return answers


def _box_of(command: PromptTrack, frame: Frame, stream: str) -> NDArray[np.float32]:
    """The box of a prompt inside the frame.

    Raises:
        SessionError: It lies outside, or the mask has another size than the frame.
    """
    width, height = frame.size_wh
    if command.mask is not None and command.mask.shape != (height, width):
        found = "x".join(map(str, command.mask.shape[::-1]))
        raise SessionError(
            f"the mask of a prompt for stream {stream!r} is {found}, the frame is "
            f"{width}x{height}; a mask must have the size of the frame",
            code="prompt_size",
            stream=stream,
        )
    box = np.array(_around(command), dtype=np.float32)
    inside = np.clip(box, 0, np.array([width, height, width, height], dtype=np.float32))
    if (inside[2:] <= inside[:2]).any():
        raise SessionError(
            f"a prompt for stream {stream!r}, around {[round(side, 1) for side in box.tolist()]}, "
            f"lies outside the frame of {width}x{height} pixels; give pixels of the frame",
            code="prompt_outside",
            stream=stream,
        )
    return inside


def _around(command: PromptTrack) -> Sequence[float]:
    if command.xyxy is not None:
        return command.xyxy
    if command.mask is not None:
        rows, columns = np.nonzero(command.mask)
        return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    if command.points is None or command.labels is None:
        raise TypeError("a prompt needs a box, points or a mask")
    on = command.points[command.labels > 0]
    first, last = on.min(axis=0), on.max(axis=0)
    return (*np.floor(first).tolist(), *(np.floor(last) + 1).tolist())
