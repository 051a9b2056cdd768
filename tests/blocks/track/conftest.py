"""A scene that is known exactly, and a model that sees it: doubles of the model seam."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame, MemoryPlan, Prompt, VideoMetadata
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.specs import Batch, Event, Failure, Missing, Resources

Box = tuple[int, int, int, int]
Scene = Callable[[str, int], Mapping[str, Box]]
"""Where the objects of a stream are on a frame, by name; an object left out is not seen."""

SIZE_WH = (160, 120)
LEFT, RIGHT = (10, 20, 40, 80), (100, 20, 130, 80)


def still(stream: str, number: int) -> dict[str, tuple[int, int, int, int]]:
    """Two people who do not move."""
    return {"person1": LEFT, "person2": RIGHT}


def crossing(stream: str, number: int) -> dict[str, tuple[int, int, int, int]]:
    """One person walks past another who hides for five frames; a third comes in late."""
    objects = {"person1": (10 + 2 * number, 20, 40 + 2 * number, 80)}
    if not 10 <= number < 15:
        objects["person2"] = (100, 30, 130, 90)
    if number >= 20:
        objects["person3"] = (120, 95, 150, 115)
    return objects


@dataclass(frozen=True)
class ScriptedProposal:
    track_ids: np.ndarray
    score: np.ndarray
    visible: np.ndarray
    xyxy: np.ndarray
    diagnostics: Mapping[str, Any]
    size_wh: tuple[int, int]

    def masks(self, track_ids: Sequence[int]) -> sv.CompactMask:
        width, height = self.size_wh
        dense = np.zeros((len(track_ids), height, width), dtype=bool)
        tight = np.zeros((len(track_ids), 4), dtype=np.float32)
        places = {int(track): place for place, track in enumerate(self.track_ids)}
        for row, track in enumerate(track_ids):
            place = places[int(track)]
            if self.visible[place]:
                x1, y1, x2, y2 = self.xyxy[place].astype(int)
                dense[row, y1:y2, x1:x2] = True
                tight[row] = (x1, y1, x2 - 1, y2 - 1)
        return sv.CompactMask.from_dense(dense, tight, (height, width))


@dataclass
class ScriptedState:
    size_wh: tuple[int, int]
    follows: dict[int, str] = field(default_factory=dict)
    written: list[MemoryPlan] = field(default_factory=list)


class ScriptedModel:
    """Sees every object where the scene has it; a prompt takes up the object under the box."""

    def __init__(self, scene: Scene, score: Callable[[str, int, str], float]) -> None:
        self.scene, self.score = scene, score
        self.open_states: list[ScriptedState] = []
        self.calls: list[tuple[str, tuple[int, ...]]] = []
        self.prompted: list[tuple[str, int, int]] = []
        self.faults: dict[tuple[str, str, int], Exception] = {}

    def _call(self, name: str, features: Sequence[tuple[str, int]]) -> None:
        self.calls.append((name, tuple(number for _, number in features)))
        for stream, number in features:
            if (name, stream, number) in self.faults:
                raise self.faults[name, stream, number]

    def encode(self, frames: Sequence[Frame]) -> Sequence[tuple[str, int]]:
        features = [(each.video.video_identifier, each.video.frame_number) for each in frames]
        self._call("encode", features)
        return features

    def open(self, size_wh: tuple[int, int]) -> ScriptedState:
        self.open_states.append(ScriptedState(size_wh))
        return self.open_states[-1]

    def _propose(
        self, state: ScriptedState, feature: tuple[str, int], follows: Mapping[int, str]
    ) -> ScriptedProposal:
        objects = self.scene(*feature)
        visible = np.array([name in objects for name in follows.values()], dtype=bool)
        boxes = [objects.get(name, (0, 0, 0, 0)) for name in follows.values()]
        scores = [self.score(*feature, name) for name in follows.values()]
        return ScriptedProposal(
            track_ids=np.array(list(follows), dtype=np.int64),
            score=np.array(scores, dtype=np.float32),
            visible=visible,
            xyxy=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            diagnostics=MappingProxyType({}),
            size_wh=state.size_wh,
        )

    def propagate(
        self, states: Sequence[ScriptedState], features: Sequence[tuple[str, int]]
    ) -> Sequence[ScriptedProposal]:
        self._call("propagate", features)
        pairs = zip(states, features, strict=True)
        return [self._propose(state, feature, state.follows) for state, feature in pairs]

    def prompt(
        self,
        states: Sequence[ScriptedState],
        features: Sequence[tuple[str, int]],
        prompts: Sequence[Sequence[Prompt]],
        seen: Sequence[ScriptedProposal],
    ) -> Sequence[ScriptedProposal]:
        self._call("prompt", features)
        answers = []
        for state, feature, asked in zip(states, features, prompts, strict=True):
            taken = {prompt.track_id: self._under(feature, prompt) for prompt in asked}
            self.prompted += [(*feature, prompt.track_id) for prompt in asked]
            answers.append(self._propose(state, feature, taken))
        return answers

    def _under(self, feature: tuple[str, int], prompt: Prompt) -> str:
        objects = self.scene(*feature)
        wanted = np.array([_box_around(prompt)])
        best, name = 0.0, "background"
        for candidate, box in objects.items():
            overlap = float(sv.box_iou_batch(wanted, np.array([box], dtype=float))[0, 0])
            if overlap > best:
                best, name = overlap, candidate
        return name

    def remember(
        self,
        states: Sequence[ScriptedState],
        features: Sequence[tuple[str, int]],
        accepted: Sequence[Sequence[ScriptedProposal]],
        plans: Sequence[MemoryPlan],
    ) -> None:
        self._call("remember", features)
        for state, feature, views, plan in zip(states, features, accepted, plans, strict=True):
            state.written.append(plan)
            for view in views:
                for track, box, shown in zip(view.track_ids, view.xyxy, view.visible, strict=True):
                    under = Prompt(int(track), xyxy=tuple(box.tolist()))
                    name = self._under(feature, under) if shown else "background"
                    if shown or int(track) not in state.follows:
                        state.follows[int(track)] = name

    def drop(self, state: ScriptedState, track_ids: Collection[int]) -> None:
        for track in track_ids:
            state.follows.pop(track, None)

    def nbytes(self, state: ScriptedState) -> int:
        return 1000 * len(state.follows)

    def close(self, state: ScriptedState) -> None:
        self.open_states.remove(state)


def _box_around(prompt: Prompt) -> Sequence[float]:
    if prompt.xyxy is not None:
        return prompt.xyxy
    if prompt.mask is not None:
        box: list[float] = sv.mask_to_xyxy(prompt.mask[None])[0].tolist()
        return box
    assert prompt.points is not None
    assert prompt.labels is not None
    on = prompt.points[prompt.labels > 0]
    return (*on.min(axis=0).tolist(), *on.max(axis=0).tolist())


class Rig:
    """A tracker on a scripted model, fed frame by frame as an engine would."""

    LEFT, RIGHT = LEFT, RIGHT
    still = staticmethod(still)
    crossing = staticmethod(crossing)

    @staticmethod
    def places(found: sv.Detections) -> dict[int, list[float]]:
        """Return the boxes of all tracks by id."""
        assert found.tracker_id is not None
        return dict(zip(found.tracker_id.tolist(), found.xyxy.tolist(), strict=True))

    def __init__(
        self,
        scene: Scene,
        *,
        paint: Callable[[np.ndarray, int], None] = lambda _image, _number: None,
        score: Callable[[str, int, str], float] = lambda _stream, _number, _name: 0.9,
        block: type[VideoTracker] = VideoTracker,
        **options: Any,
    ) -> None:
        self.paint = paint
        self.scene = scene
        self.now_s = 0.0
        self.events: list[Event] = []
        self.track_events: list[Event] = []
        self.model = ScriptedModel(scene, score)
        step = block.manifest.model_validate(
            {
                "type": block.manifest.type_ids()[0],
                "name": "tracker",
                "images": "$inputs.image",
                "boxes": "$steps.detector.predictions",
                **options,
            }
        )
        resources = Resources(
            outbox=self.take, model_loader=lambda _id: self.model, clock=lambda: self.now_s
        )
        self.tracker = block.open(step, resources)

    def take(self, event: Event) -> None:
        """Keep what happens to tracks apart: it is on every test's way."""
        of_tracks = event.kind.startswith("track.")
        (self.track_events if of_tracks else self.events).append(event)

    def frame(
        self,
        number: int,
        *,
        stream: str = "a",
        epoch: int = 0,
        size_wh: tuple[int, int] = SIZE_WH,
    ) -> Frame:
        image = np.zeros((size_wh[1], size_wh[0], 3), dtype=np.uint8)
        self.paint(image, number)
        return Frame(
            image=image,
            video=VideoMetadata(
                video_identifier=stream,
                source_id=0,
                frame_number=number,
                epoch=epoch,
                media_time_s=None,
                frame_timestamp=datetime(2024, 1, 1, tzinfo=UTC),
                received_s=0.0,
            ),
        )

    def truth(self, frame: Frame, **columns: Any) -> sv.Detections:
        """Detect every object of the scene; its class is its name up to the first digit."""
        objects = self.scene(frame.video.video_identifier, frame.video.frame_number)
        names = [name.rstrip("0123456789") for name in objects]
        return self.boxes(list(objects.values()), names=names, **columns)

    @staticmethod
    def boxes(
        xyxy: Sequence[Sequence[float]],
        *,
        names: Sequence[str] | None = None,
        confidence: Sequence[float] | None = None,
        mask: np.ndarray | None = None,
    ) -> sv.Detections:
        return sv.Detections(
            xyxy=np.array(xyxy, dtype=np.float32).reshape(-1, 4),
            confidence=None if confidence is None else np.array(confidence),
            mask=mask,
            data={} if names is None else {"class_name": np.array(names, dtype=str)},
        )

    def tick(self, *elements: tuple[Frame, Any]) -> list[Any]:
        """Ask for the demand, and run with the boxes that are demanded."""
        frames = [frame for frame, _ in elements]
        streams = [frame.video.video_identifier for frame in frames]
        demand = self.tracker.demand(Batch(streams, {"images": frames}))["boxes"]
        boxes = [
            given if wanted else Missing("not_computed")
            for (_, given), wanted in zip(elements, demand, strict=True)
        ]
        return list(self.tracker.run(Batch(streams, {"images": frames, "boxes": boxes})))

    def step(self, number: int, given: Any = "truth", **where: Any) -> sv.Detections:
        """Run one frame that must succeed."""
        frame = self.frame(number, **where)
        outcome = self.tick((frame, self.truth(frame) if isinstance(given, str) else given))[0]
        if isinstance(outcome, Failure):
            raise outcome.error
        predictions: sv.Detections = outcome["predictions"]
        return predictions

    def wants(self, number: int, **where: Any) -> bool:
        """Ask whether boxes are demanded for a frame."""
        frame = self.frame(number, **where)
        batch = Batch([frame.video.video_identifier], {"images": [frame]})
        return self.tracker.demand(batch)["boxes"][0]


@pytest.fixture(scope="session")
def rig() -> type[Rig]:
    """Make a rig: ``rig(scene, **options)``."""
    return Rig
