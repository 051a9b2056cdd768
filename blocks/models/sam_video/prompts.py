"""Answering prompts: boxes, points and masks of several objects in as few batches as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trackwire.specs import ModelError

from .attention import batches
from .network import Decoded

if TYPE_CHECKING:
    import torch

    from ..seam import Prompt
    from .image_network import FrameFeatures
    from .network import Network

__all__ = ["Request", "answer", "check_prompts", "take_squares"]

_CERTAIN = 10.0  # logit of a pixel that a mask prompt names, as the models are trained


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt with the frame it belongs to.

    Args:
        prompt: What the user gave, full-frame pixels.
        features: Features of its frame.
        size_wh: Size of its frame, pixels.
    """

    prompt: Prompt
    features: FrameFeatures
    size_wh: tuple[int, int]


def check_prompts(prompts: Sequence[Prompt]) -> None:
    """Refuse prompts of one stream that cannot be answered together.

    Raises:
        ModelError: Two prompts name one track, or a label is neither 0 nor 1.
    """
    ids = [prompt.track_id for prompt in prompts]
    if len(set(ids)) != len(ids):
        raise ModelError(
            f"a track takes at most one prompt for a frame, found track ids {ids}; put box, "
            "points and mask of a track into one prompt",
            code="prompt_twice",
        )
    for prompt in prompts:
        if prompt.labels is not None and not np.isin(prompt.labels, (0, 1)).all():
            raise ModelError(
                f"point labels must be 1 (on the object) or 0 (off it), "
                f"found {prompt.labels.tolist()} for track {prompt.track_id}",
                code="prompt_label",
            )


def answer(
    network: Network, requests: Sequence[Request], batch: int
) -> tuple[list[Decoded], dict[int, torch.Tensor]]:
    """Answer prompts without looking at any memory.

    A mask stands for itself; a box or points given with it are not used. A box comes before the
    points given with it. Only prompts with the same number of points share a batch: a padded
    token would take part in the decoder's attention.

    Args:
        network: The model.
        requests: Prompts of any number of streams.
        batch: Largest batch.

    Returns:
        One decoded object per request, and the given masks ``(S, S)`` bool by position.
    """
    answers: dict[int, Decoded] = {}
    given: dict[int, torch.Tensor] = {}
    points = [_points(network, request) for request in requests]
    keys = [-1 if found is None else len(found[1]) for found in points]
    for key, positions in batches(keys, batch):
        chosen = [requests[position] for position in positions]
        if key < 0:
            decoded, masks = _take_masks(network, chosen)
            given.update(zip(positions, masks, strict=True))
        else:
            pairs = [pair for position in positions if (pair := points[position]) is not None]
            decoded = _decode_points(network, chosen, pairs)
        answers.update((position, _row(decoded, row)) for row, position in enumerate(positions))
    return [answers[position] for position in range(len(requests))], given


def _points(
    network: Network, request: Request
) -> tuple[NDArray[np.float32], NDArray[np.int32]] | None:
    """Points ``(P, 2)`` in the square picture and labels ``(P,)``; None for a mask prompt."""
    prompt = request.prompt
    if prompt.mask is not None:
        return None
    points, labels = np.zeros((0, 2), np.float32), np.zeros(0, np.int32)
    if prompt.points is not None and prompt.labels is not None:
        points = np.asarray(prompt.points, np.float32).reshape(-1, 2)
        labels = np.asarray(prompt.labels, np.int32).reshape(-1)
    if prompt.xyxy is not None:
        corners = np.asarray(prompt.xyxy, np.float32).reshape(2, 2)
        points = np.concatenate([corners, points])
        labels = np.concatenate([np.array([2, 3], np.int32), labels])
    scale = network.image_size / np.asarray(request.size_wh, np.float32)
    return (points * scale).astype(np.float32), labels


def _decode_points(
    network: Network,
    requests: Sequence[Request],
    points: Sequence[tuple[NDArray[np.float32], NDArray[np.int32]]],
) -> Decoded:
    import torch

    features = [request.features for request in requests]
    coordinates = torch.from_numpy(np.stack([pair[0] for pair in points])).to(network.device)
    labels = torch.from_numpy(np.stack([pair[1] for pair in points])).to(network.device)
    return network.decode(features, network.without_memory(features), coordinates, labels)


def _take_masks(
    network: Network, requests: Sequence[Request]
) -> tuple[Decoded, list[torch.Tensor]]:
    """Take given masks as the result; the decoder only turns them into pointers."""
    import torch

    masks = torch.stack([_square_mask(network, request) for request in requests])
    features = [request.features for request in requests]
    return take_squares(network, features, masks.float()), list(masks)


def take_squares(
    network: Network, features: Sequence[FrameFeatures], squares: torch.Tensor
) -> Decoded:
    """Take masks of the size of the square picture as the result of ``B`` prompts.

    Args:
        network: The model.
        features: For each mask those of its frame.
        squares: ``(B, S, S)`` float32 masks, 0-1.

    Returns:
        The masks as logits, with pointers that the decoder makes of them.
    """
    import torch
    from torch.nn.functional import interpolate

    certain = squares[:, None]
    logits = certain * (2 * _CERTAIN) - _CERTAIN
    low_res = interpolate(
        logits, network.low_res_hw, mode="bilinear", align_corners=False, antialias=True
    )
    top = torch.cat([frame.top for frame in features])
    hint = network.module.mask_downsample(certain.to(network.dtype))
    if hint.shape[2:] != network.low_res_hw:
        hint = interpolate(
            hint.float(), network.low_res_hw, mode="bilinear", align_corners=False, antialias=True
        ).to(network.dtype)
    decoded = network.decode(features, top, None, None, hint)
    present = (squares > 0).flatten(1).any(1)
    hidden_pointer = network.module.no_object_pointer
    return Decoded(
        low_res[:, 0],
        torch.where(present[:, None], decoded.pointer, hidden_pointer),
        torch.where(present, _CERTAIN, -_CERTAIN),
        torch.ones_like(decoded.iou),
    )


def _square_mask(network: Network, request: Request) -> torch.Tensor:
    """``(S, S)`` bool on the device."""
    import torch
    from torch.nn.functional import interpolate

    mask = request.prompt.mask
    width, height = request.size_wh
    if mask is None or mask.shape != (height, width):
        raise ModelError(
            f"the mask prompt of track {request.prompt.track_id} must have the frame's size "
            f"({height}, {width}), found {None if mask is None else mask.shape}",
            code="prompt_mask_size",
        )
    pixels = torch.from_numpy(np.ascontiguousarray(mask)).to(network.device)
    size = (network.image_size, network.image_size)
    square = interpolate(
        pixels[None, None].float(), size, mode="bilinear", align_corners=False, antialias=True
    )
    return square[0, 0] >= 0.5


def _row(decoded: Decoded, row: int) -> Decoded:
    """One object of a batch, still with a batch dimension."""
    one = slice(row, row + 1)
    return Decoded(
        decoded.low_res[one], decoded.pointer[one], decoded.object_logit[one], decoded.iou[one]
    )
