"""Phrases as the detector reads them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["PhraseBook", "ReadPhrase"]

_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class ReadPhrase:
    """A phrase that the text encoder has read.

    Args:
        text: ``(1, L, C)`` features of its tokens.
        mask: ``(1, L)`` which of them are no padding.
    """

    text: torch.Tensor
    mask: torch.Tensor


class PhraseBook:
    """Reads phrases, each once: the last 256 are kept.

    Args:
        tokenizer: The tokenizer that lies beside the weights.
        detector: ``Sam3Model`` of the library.
        device: Where it runs.
    """

    def __init__(self, tokenizer: Any, detector: Any, device: torch.device) -> None:
        self._tokenizer = tokenizer
        self._detector = detector
        self._device = device
        self._length = int(detector.config.text_config.max_position_embeddings)
        self._read: OrderedDict[str, ReadPhrase] = OrderedDict()

    def __len__(self) -> int:
        return len(self._read)

    def read(self, phrase: str) -> ReadPhrase:
        """Give what the detector needs to know of a phrase.

        Raises:
            ModelError: It has more tokens than the model takes.
        """
        known = self._read.get(phrase)
        if known is None:
            known = self._read[phrase] = self._encode(phrase)
        self._read.move_to_end(phrase)
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return known

    def _encode(self, phrase: str) -> ReadPhrase:
        tokens = len(self._tokenizer(phrase).input_ids)
        if tokens > self._length:
            raise ModelError(
                f"the phrase {phrase[:60]!r} has {tokens} tokens, and the model reads at most "
                f"{self._length}; name the thing in a few words, such as 'yellow school bus'",
                code="phrase_too_long",
                phrase=phrase,
            )
        asked = self._tokenizer(
            phrase, return_tensors="pt", padding="max_length", max_length=self._length
        ).to(self._device)
        read = self._detector.get_text_features(
            input_ids=asked.input_ids, attention_mask=asked.attention_mask, return_dict=True
        )
        return ReadPhrase(read.pooler_output, asked.attention_mask)
