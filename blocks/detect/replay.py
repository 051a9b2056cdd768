"""Replayed detections: what was detected elsewhere, or in an earlier run, read from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from trackwire.specs import (
    FLOAT,
    FLOAT_ZERO_TO_ONE,
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    OBJECT_DETECTION_PREDICTION,
    STRING,
    Batch,
    BlockManifest,
    Failure,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    TrackwireError,
    Traits,
)

from ..options import require_settled
from .recording import Recording, RecordingFormat, open_recording

__all__ = ["ReplayedDetections", "ReplayedDetectionsManifest"]


class ReplayedDetectionsManifest(BlockManifest):
    """Properties of the block that reads detections from a file.

    The file is ``predictions.jsonl`` as a run writes it (``video_identifier``, ``frame_number``
    from 0, ``outputs``), or MOTChallenge text (``frame`` from 1, ``id``, ``left``, ``top``,
    ``width``, ``height``, ``confidence``, ``class``). Detections are looked up by frame number;
    a file with several videos by video too. A frame the file does not hold has no detections.
    """

    traits: ClassVar[Traits] = Traits(pure=True, local_only=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition(
            "predictions",
            frozenset({OBJECT_DETECTION_PREDICTION, INSTANCE_SEGMENTATION_PREDICTION}),
        ),
    )

    type: Literal["trackwire/replayed_detections@v1"] = "trackwire/replayed_detections@v1"
    images: Annotated[str, Selector(IMAGE)] = Field(
        description="Frames whose detections are wanted."
    )
    path: Annotated[str, Selector(STRING)] | str = Field(
        description="The file; a relative path starts at the specification's folder."
    )
    format: RecordingFormat = Field(
        default="auto", description="How the file is written; auto looks at its first line."
    )
    output: Annotated[str, Selector(STRING)] | str | None = Field(
        default=None,
        description="In JSON Lines, the output that holds the detections; null for the only one.",
    )
    class_name: str = Field(
        default="object", description="Class of the boxes in MOTChallenge text."
    )
    min_confidence: (
        Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE, FLOAT)]
    ) = Field(default=0.0, description="Detections that are less confident are left out.")


class ReplayedDetections:
    """Puts out the detections that a file holds for each frame."""

    manifest: ClassVar[type[BlockManifest]] = ReplayedDetectionsManifest

    def __init__(self, name: str, recording: Recording) -> None:
        self._name = name
        self._recording = recording

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Open the file and check all of its lines.

        Raises:
            BlockError: The file cannot be read; names the line.
        """
        if not isinstance(step, ReplayedDetectionsManifest):
            raise TypeError(f"a ReplayedDetectionsManifest is needed, found {type(step).__name__}")
        require_settled(step, ("path", "output"))
        path = Path(step.path).expanduser()
        if resources.base_directory is not None:
            path = resources.base_directory / path
        recording = open_recording(
            path, form=step.format, output=step.output, class_name=step.class_name
        )
        return cls(step.name, recording)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Look up each frame."""
        outcomes: list[Outcome] = []
        for frame, least in zip(batch["images"], batch["min_confidence"], strict=True):
            try:
                detections = self._recording.read(frame, self._name)
            except TrackwireError as error:
                outcomes.append(Failure(error))
                continue
            if least > 0:
                detections = detections.select(detections.confidence >= least)
            outcomes.append({"predictions": detections})
        return outcomes

    def end_stream(self, stream: StreamKey) -> None:
        """Keep everything: a stream leaves no trace."""

    def close(self) -> None:
        """Close the file."""
        self._recording.close()
