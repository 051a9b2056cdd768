"""What detectors of the hub put out, read as boxes. All of a batch at once, on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Read", "best_pairs", "best_phrases", "best_tokens", "not_nothing"]

Read = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]
"""Boxes ``(B, K, 4)`` as fractions, corners; confidence ``(B, K)`` 0-1; class ``(B, K)``."""


def not_nothing(logits: torch.Tensor, cxcywh: torch.Tensor) -> Read:
    """Give each query its likeliest class; the last of the classes is "nothing".

    Args:
        logits: ``(B, Q, C + 1)`` before the softmax.
        cxcywh: ``(B, Q, 4)`` centres and sizes as fractions.
    """
    confidence, classes = logits.softmax(-1)[..., :-1].max(-1)
    return _corners(cxcywh), confidence, classes


def best_pairs(logits: torch.Tensor, cxcywh: torch.Tensor, count: int | None) -> Read:
    """Take the best of all pairs of a query and a class.

    Args:
        logits: ``(B, Q, C)`` before the sigmoid, each class on its own.
        cxcywh: ``(B, Q, 4)`` centres and sizes as fractions.
        count: How many pairs; None for as many as queries.
    """
    _, queries, classes = logits.shape
    flat = logits.sigmoid().flatten(1)
    confidence, pair = flat.topk(min(count or queries, flat.shape[1]), dim=1)
    owner = (pair // classes).unsqueeze(-1).expand(-1, -1, 4)
    return _corners(cxcywh).gather(1, owner), confidence, pair % classes


def best_phrases(logits: torch.Tensor, cxcywh: torch.Tensor) -> Read:
    """Give each box the phrase that fits it best.

    Args:
        logits: ``(B, Q, P)`` before the sigmoid, for each phrase.
        cxcywh: ``(B, Q, 4)`` centres and sizes as fractions.
    """
    highest, phrase = logits.max(-1)
    return _corners(cxcywh), highest.sigmoid(), phrase


def best_tokens(logits: torch.Tensor, cxcywh: torch.Tensor, spans: torch.Tensor) -> Read:
    """Give each query the phrase with the token that fits it best.

    The confidence is that of the best token of the whole text, as the authors' programs take it.

    Args:
        logits: ``(B, Q, T)`` before the sigmoid, for each token; ``-inf`` past the text.
        cxcywh: ``(B, Q, 4)`` centres and sizes as fractions.
        spans: ``(P, T)`` bool, the tokens of each phrase.
    """
    scores = logits.sigmoid()
    # (B, Q, 1, T) where a token belongs to the phrase, and less than any score elsewhere
    of_phrases = scores.unsqueeze(2).masked_fill(~spans, -1.0)
    return _corners(cxcywh), scores.amax(-1), of_phrases.amax(-1).argmax(-1)


def _corners(cxcywh: torch.Tensor) -> torch.Tensor:
    import torch

    centre, half = cxcywh[..., :2], cxcywh[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)
