"""The blocks that mask objects in single pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from trackwire.specs import (
    Batch,
    BlockManifest,
    Failure,
    Missing,
    ModelError,
    Outcome,
    Resources,
    StreamKey,
    TrackwireError,
)

from ..detections import (
    INSTANCE_SEGMENTATION,
    MASK_SCORE,
    PROMPT_DETECTION_ID,
    build_detections,
    empty_detections,
)
from ..models.catalog import load_image_model
from ..options import require_settled
from .asking import Ask, answer_all
from .image_manifest import (
    ImageSegmentationManifest,
    SegmentAnythingManifest,
    SegmentationManifest,
)
from .labeled_points import read_objects
from .prompted import Prompted
from .tight_masks import join_masks, tighten
from .versions import catalog_id

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame
    from ..models.shared import SharedImageModel
    from .asking import PictureAnswer

__all__ = ["ImageSegmentation", "SegmentAnything"]

_CROPS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class _Job:
    """One picture of a batch.

    Args:
        index: Its place in the batch.
        frame: The picture.
        prompted: What is asked for.
        threshold: Least score of a mask.
        multimask: Whether the model proposes several masks.
        is_part: Whether it is one of many parts of a frame, which no tracker looks at.
    """

    index: int
    frame: Frame
    prompted: Prompted
    threshold: float
    multimask: bool
    is_part: bool


class ImageSegmentation:
    """Gives masks to objects in single pictures; nothing is remembered from one to the next.

    Each box gets a mask, which keeps the class of its detection; points ask for further objects.
    Without either, the most prominent object is masked. The pictures of all streams go through
    the model together, and a frame that a tracker with the same model looks at too is encoded
    once for both.

    Args:
        step: The step as written, ``model_name`` settled.
        model: Finds the masks.
    """

    manifest: ClassVar[type[BlockManifest]] = ImageSegmentationManifest

    def __init__(self, step: SegmentationManifest, model: SharedImageModel[Any]) -> None:
        self._step = step
        self._model = model

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Load the model.

        Raises:
            BlockError: The model is wired to something that changes from frame to frame.
            ModelError: The model is not known or cannot be loaded.
        """
        if not isinstance(step, SegmentationManifest):
            raise TypeError(f"a SegmentationManifest is needed, found {type(step).__name__}")
        named = [name for name in ("model_id", "version") if hasattr(step, name)]
        require_settled(step, named)
        return cls(step, load_image_model(catalog_id(step.model_name), resources))

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Mask objects in the pictures of all streams at once.

        Returns:
            ``predictions`` for each element, or a failure: a ``ModelError`` where points have
            another form or the model failed.
        """
        outcomes: dict[int, Outcome] = {}
        jobs: list[_Job] = []
        for index in range(len(batch)):
            try:
                jobs.append(_job(batch, index))
            except (TrackwireError, ValueError) as error:
                outcomes[index] = Failure(error)
        by_kind: defaultdict[bool, list[_Job]] = defaultdict(list)
        for job in jobs:
            by_kind[job.multimask].append(job)
        # A frame may have any number of crops, and their features take more room than they do.
        step = _CROPS_AT_ONCE if batch.indices else max(len(jobs), 1)
        for alike in by_kind.values():
            for start in range(0, len(alike), step):
                outcomes.update(self._finish(alike[start : start + step]))
        return [outcomes[index] for index in range(len(batch))]

    def end_stream(self, stream: StreamKey) -> None:
        """Keep everything: a stream leaves no trace."""

    def close(self) -> None:
        """Let the model go."""

    def _finish(self, jobs: Sequence[_Job]) -> dict[int, Outcome]:
        """Work on jobs together; if that fails, on each alone, so that only the bad ones fail."""
        busy = [job for job in jobs if job.prompted.asks]
        found: dict[int, Outcome] = {
            job.index: {"predictions": self._nothing(job.frame)}
            for job in jobs
            if not job.prompted.asks
        }
        # torch, onnxruntime and drivers raise errors of their own, and none of them may take
        # other pictures down.
        try:
            for job, answer in zip(busy, self._answer(busy), strict=True):
                found[job.index] = {"predictions": self._detections(job, answer)}
        except Exception as error:  # noqa: BLE001
            if len(busy) == 1:
                found[busy[0].index] = self._failed(busy[0], error)
            else:
                for job in busy:
                    found.update(self._finish([job]))
        return found

    def _answer(self, jobs: Sequence[_Job]) -> Sequence[PictureAnswer]:
        if not jobs:
            return ()
        frames = [job.frame for job in jobs]
        if jobs[0].is_part:
            features = self._model.encode([frame.image[..., ::-1] for frame in frames])
        else:
            features = self._model.encode_frames(frames)
        return answer_all(
            self._model,
            features,
            [job.prompted.asks for job in jobs],
            [frame.size_wh for frame in frames],
            multimask=jobs[0].multimask,
        )

    def _detections(self, job: _Job, answer: PictureAnswer) -> sv.Detections:
        scores = answer.iou
        masks = {
            row: tight
            for row, logits in answer.full_size(self._model, scores >= job.threshold)
            if (tight := tighten(logits >= 0)) is not None
        }
        rows = sorted(masks)
        prompted = job.prompted.take(rows)
        return build_detections(
            job.frame,
            [masks[row].xyxy for row in rows],
            confidence=scores[rows],
            class_id=prompted.class_id,
            class_name=prompted.class_name,
            tracker_id=prompted.tracker_id,
            mask=join_masks([masks[row] for row in rows], job.frame.size_wh),
            prediction_type=INSTANCE_SEGMENTATION,
            producer=self._step.name,
            data={MASK_SCORE: scores[rows], PROMPT_DETECTION_ID: prompted.detection_id},
        )

    def _nothing(self, frame: Frame) -> sv.Detections:
        return empty_detections(
            frame, producer=self._step.name, prediction_type=INSTANCE_SEGMENTATION
        )

    def _failed(self, job: _Job, error: Exception) -> Failure:
        if isinstance(error, TrackwireError):
            return Failure(error)
        video = job.frame.video
        failure = ModelError(
            f"masking objects in frame {video.frame_number} of stream "
            f"{video.video_identifier!r} with model {self._step.model_name!r} failed: "
            f"{type(error).__name__}: {error}",
            code="segmentation_failed",
            stream=video.video_identifier,
            frame_number=video.frame_number,
            model_id=self._step.model_name,
        )
        failure.__cause__ = error
        return Failure(failure)


class SegmentAnything(ImageSegmentation):
    """Image segmentation under the id of existing documents, which name a SAM 2 version."""

    manifest: ClassVar[type[BlockManifest]] = SegmentAnythingManifest


def _job(batch: Batch, index: int) -> _Job:
    boxes = batch["boxes"][index]
    points = batch.columns.get("points")
    objects = [] if points is None else read_objects(_given(points[index]))
    frame: Frame = batch["images"][index]
    return _Job(
        index,
        frame,
        Prompted.of(frame, _given(boxes), [Ask.of(each) for each in objects]),
        float(batch["threshold"][index]),
        bool(batch["multimask_output"][index]),
        bool(batch.indices),
    )


def _given(value: Any) -> Any:
    return None if isinstance(value, Missing) else value
