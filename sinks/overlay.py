"""Detections drawn on a frame, for whoever has no image output to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trackwire.specs import SinkError

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

    from trackwire.blocks import Frame

__all__ = ["PictureChoice", "choose_picture", "draw_detections", "image_outputs"]


def draw_detections(image: NDArray[np.uint8], outputs: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Draw the detections among a workflow's outputs on a copy of the frame.

    Masks, boxes and labels, coloured by ``tracker_id``, or by class where there is none. If some
    outputs are tracked only these are drawn, so that a detector's boxes do not lie beneath.

    Args:
        image: ``(H, W, 3)`` uint8 BGR; not changed.
        outputs: Outputs by name; those that are no detections are passed over.

    Returns:
        ``(H, W, 3)`` uint8 BGR; the image itself if there is nothing to draw.
    """
    found = list(_detections(outputs))
    tracked = [each for each in found if each.tracker_id is not None]
    chosen = [each for each in (tracked or found) if len(each)]
    if not chosen:
        return image
    scene = image.copy()
    for detections in chosen:
        scene = _draw(scene, detections)
    return scene


def image_outputs(outputs: Mapping[str, Any]) -> dict[str, Frame]:
    """Those of a workflow's outputs that are images, by name."""
    from trackwire.blocks import Frame

    return {name: value for name, value in outputs.items() if isinstance(value, Frame)}


def choose_picture(outputs: Mapping[str, Any], frame: Frame, name: str | None) -> NDArray[np.uint8]:
    """Choose what to show of a frame.

    Args:
        outputs: Outputs of the workflow by name.
        frame: The frame they belong to.
        name: Image output to show, or None for the only one.

    Returns:
        ``(H, W, 3)`` uint8 BGR: the named image output, the frame itself where that has no value;
        without a name the only image output, else the detections drawn on the frame.

    Raises:
        KeyError: There is no output of that name, or it is no image.
    """
    images = image_outputs(outputs)
    if name is not None:
        if name in images:
            return images[name].image
        if outputs.get(name, name) is None:
            return frame.image
        raise KeyError(name)
    if len(images) == 1:
        return next(iter(images.values())).image
    return draw_detections(frame.image, outputs)


class PictureChoice:
    """Which picture of each result of a stream is recorded.

    Args:
        name: Image output to take; None for the only one, else the detections drawn.
    """

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._found: str | None = None

    def choose(self, outputs: Mapping[str, Any], frame: Frame) -> NDArray[np.uint8]:
        """Choose what to show of a frame.

        Args:
            outputs: Outputs of the workflow by name.
            frame: The frame they belong to.

        Returns:
            ``(H, W, 3)`` uint8 BGR.

        Raises:
            SinkError: There is no image output of the name.
        """
        if self._name is None and self._found is None:
            images = image_outputs(outputs)
            # From here on this output is meant, also on frames where it has no value.
            self._found = next(iter(images)) if len(images) == 1 else None
        try:
            return choose_picture(outputs, frame, self._name or self._found)
        except KeyError as error:
            raise SinkError(
                f"there is no image output {error}; allowed: "
                f"{', '.join(image_outputs(outputs)) or 'none, the workflow has no image output'}"
            ) from error


def _detections(outputs: Mapping[str, Any]) -> Iterator[sv.Detections]:
    import supervision as sv

    for value in outputs.values():
        if isinstance(value, sv.Detections):
            yield value
        elif isinstance(value, Mapping):  # a wildcard output: all outputs of a step
            yield from _detections(value)


def _draw(scene: NDArray[np.uint8], detections: sv.Detections) -> NDArray[np.uint8]:
    import supervision as sv

    if detections.tracker_id is not None:
        lookup = sv.ColorLookup.TRACK
    elif detections.class_id is not None:
        lookup = sv.ColorLookup.CLASS
    else:
        lookup = sv.ColorLookup.INDEX
    shortest = min(scene.shape[:2])
    thickness = max(1, round(shortest / 360))
    if detections.mask is not None:
        scene = sv.MaskAnnotator(color_lookup=lookup, opacity=0.45).annotate(scene, detections)
    scene = sv.BoxAnnotator(color_lookup=lookup, thickness=thickness).annotate(scene, detections)
    labeller = sv.LabelAnnotator(
        color_lookup=lookup,
        text_scale=max(0.3, shortest / 1200),
        text_padding=max(2, round(shortest / 180)),
    )
    return labeller.annotate(scene, detections, _labels(detections))


def _labels(detections: sv.Detections) -> list[str]:
    names = detections.data.get("class_name")
    labels = ["" if names is None else str(names[i]) for i in range(len(detections))]
    if detections.tracker_id is None:
        return labels
    return [
        f"#{tracker_id} {label}".rstrip()
        for tracker_id, label in zip(detections.tracker_id, labels, strict=True)
    ]
