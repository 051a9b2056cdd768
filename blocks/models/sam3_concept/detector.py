"""Finding what phrases name on single frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .overlaps import mask_overlaps

if TYPE_CHECKING:
    import torch

    from .features import ConceptFeatures
    from .phrases import ReadPhrase
    from .thresholds import Thresholds

__all__ = ["Detected", "detect", "distinct", "together"]


@dataclass(frozen=True, slots=True)
class Detected:
    """What was detected on one frame.

    Args:
        masks: ``(M, h, w)`` float32 mask logits.
        score: ``(M,)`` float32, 0-1.
        phrase: ``(M,)`` int64, which phrase each is of.
    """

    masks: torch.Tensor
    score: NDArray[np.float32]
    phrase: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.score)


def detect(
    detector: Any,
    features: Sequence[ConceptFeatures],
    phrases: Sequence[ReadPhrase],
    thresholds: Thresholds,
    batch: int,
) -> list[tuple[torch.Tensor, NDArray[np.float32]]]:
    """Look for phrases on frames.

    Args:
        detector: ``Sam3Model`` of the library.
        features: Of ``P`` frames; one that several phrases are looked for on occurs as often.
        phrases: ``P`` phrases.
        thresholds: What counts as detected.
        batch: Largest batch.

    Returns:
        For each pair the mask logits ``(M, h, w)`` float32 and scores ``(M,)`` of what was
        detected, in the order of the detector's queries.
    """
    found: list[tuple[torch.Tensor, NDArray[np.float32]]] = []
    for start in range(0, len(features), batch):
        part = slice(start, start + batch)
        found += _detect(detector, features[part], phrases[part], thresholds)
    return found


def _detect(
    detector: Any,
    features: Sequence[ConceptFeatures],
    phrases: Sequence[ReadPhrase],
    thresholds: Thresholds,
) -> list[tuple[torch.Tensor, NDArray[np.float32]]]:
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling
    from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

    levels = [torch.cat(maps) for maps in zip(*(each.maps for each in features), strict=True)]
    places = [each.expand(len(features), -1, -1, -1) for each in features[0].positions]
    # The detector leaves the last level out, which is coarser than it was trained for.
    vision: Any = Sam3VisionEncoderOutput
    text: Any = BaseModelOutputWithPooling
    out = detector(
        vision_embeds=vision(
            fpn_hidden_states=(*levels, levels[-1]), fpn_position_encoding=(*places, places[-1])
        ),
        text_embeds=text(pooler_output=torch.cat([each.text for each in phrases])),
        attention_mask=torch.cat([each.mask for each in phrases]),
    )
    score = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid()).float()
    return [
        _above(masks, row, thresholds) for masks, row in zip(out.pred_masks, score, strict=True)
    ]


def _above(
    masks: torch.Tensor, score: torch.Tensor, thresholds: Thresholds
) -> tuple[torch.Tensor, NDArray[np.float32]]:
    chosen = score > thresholds.detection
    masks, kept = masks[chosen].float(), score[chosen].cpu().numpy()
    if thresholds.nms > 0.0 and len(kept) > 1:
        rows = distinct(kept, mask_overlaps(masks > 0, masks > 0), thresholds.nms)
        masks, kept = masks[rows.tolist()], kept[rows]
    return masks, kept


def distinct(
    score: NDArray[np.float32], overlap: NDArray[np.float32], most: float
) -> NDArray[np.intp]:
    """Choose detections that are different things: of two that overlap, the better one.

    Args:
        score: ``(M,)``.
        overlap: ``(M, M)`` IoU of the masks.
        most: Greatest overlap of two that both stay.

    Returns:
        The rows that stay, rising.
    """
    stays: list[int] = []
    for row in np.argsort(-score, kind="stable").tolist():
        if all(overlap[row, other] <= most for other in stays):
            stays.append(row)
    return np.array(sorted(stays), dtype=np.intp)


def together(
    found: Sequence[tuple[torch.Tensor, NDArray[np.float32]]], like: torch.Tensor
) -> Detected:
    """Put what was found on one frame into one list.

    Args:
        found: For each phrase masks and scores.
        like: ``(N, h, w)`` tells the size and place of masks where there are none.
    """
    import torch

    if not found:
        found = [(like[:0].float(), np.zeros(0, np.float32))]
    numbers = [np.full(len(score), number) for number, (_, score) in enumerate(found)]
    return Detected(
        torch.cat([masks for masks, _ in found]),
        np.concatenate([score for _, score in found]),
        np.concatenate(numbers).astype(np.int64),
    )
