"""The contract of object detectors: pictures in, detections out, one call for all streams."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trackwire.specs import BlockError, nearest

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

    from ..frame import Frame

__all__ = ["Candidates", "DetectOptions", "Detector", "wanted_classes"]


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """What is wanted of the detections of one picture.

    Args:
        confidence: Least confidence, 0-1.
        iou_threshold: Boxes that overlap more are one object; detectors that put each object out
            once do not use it.
        class_filter: Names of the classes to keep; None keeps all.
        max_detections: Most detections of a picture, the surest ones.
        max_candidates: Most boxes that are compared for overlap, the surest ones.
        class_agnostic_nms: Compare boxes of different classes for overlap too.
        masks: Put out masks as well; without it a detector that makes them puts out boxes only.
        mask_detail: How finely masks are drawn, 0-1: 0 in the network's own cells, which is fast,
            1 pixel for pixel.
    """

    confidence: float = 0.4
    iou_threshold: float = 0.3
    class_filter: Collection[str] | None = None
    max_detections: int = 300
    max_candidates: int = 3000
    class_agnostic_nms: bool = False
    masks: bool = False
    mask_detail: float = 1.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes a network proposes for one picture, aligned with one another.

    Args:
        xyxy: ``(N, 4)`` float32, half-open; of the network's input or of the frame, as whoever
            hands them on says.
        confidence: ``(N,)`` float32, 0-1.
        class_id: ``(N,)`` int64.
        row: ``(N,)`` int64, where each stands in the network's output; None where nobody asks.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    row: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.confidence)

    def pick(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        """Return some of them.

        Args:
            which: ``(M,)`` indices in the wanted order, or an ``(N,)`` mask.
        """
        row = None if self.row is None else self.row[which]
        return Candidates(self.xyxy[which], self.confidence[which], self.class_id[which], row)


class Detector(Protocol):
    """Finds objects in pictures. Callable from any thread."""

    @property
    def class_names(self) -> Mapping[int, str]:
        """Names by class id; empty where nobody knows them."""
        ...

    @property
    def provider(self) -> str:
        """What computes it, such as ``CPUExecutionProvider``."""
        ...

    @property
    def makes_masks(self) -> bool:
        """Whether detections have masks if ``DetectOptions.masks`` asks for them."""
        ...

    def detect(
        self, frames: Sequence[Frame], options: Sequence[DetectOptions], producer: str
    ) -> list[sv.Detections]:
        """Look at pictures, which may differ in size.

        Args:
            frames: The pictures.
            options: What is wanted of each, aligned with ``frames``.
            producer: Name of the step, part of each ``detection_id``.

        Returns:
            Detections of each picture, in pixels of it, surest first. With masks, each covers a
            pixel at least, and none outside its box.

        Raises:
            BlockError: A class is wanted that the detector does not know.
            ModelError: The network cannot be run.
        """
        ...


def wanted_classes(
    names: Mapping[int, str], wanted: Collection[str] | None, *, asked_by: str = "class_filter"
) -> list[int] | None:
    """Look up the ids of classes.

    Args:
        names: Names by class id.
        wanted: Names of classes; None for all.
        asked_by: Property that asks for them.

    Returns:
        Their ids, None for all.

    Raises:
        BlockError: There is no such class.

    Example:
        >>> wanted_classes({0: "person", 1: "car"}, ["car"])
        [1]
    """
    if wanted is None:
        return None
    known = set(names.values())
    strange = [name for name in wanted if name not in known]
    if strange:
        near = nearest(strange[0], known)
        raise BlockError(
            f"the detector has no class {strange[0]!r} that {asked_by} asks for; "
            + (f"did you mean {' or '.join(map(repr, near))}? " if near else "")
            + f"Its {len(known)} classes: {', '.join(list(names.values())[:100])}",
            code="detector_class",
            property=asked_by,
        )
    return [number for number, name in names.items() if name in set(wanted)]
