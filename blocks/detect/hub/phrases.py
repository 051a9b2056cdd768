"""Names of classes as what an open vocabulary detector reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import BlockError, ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["Phrases", "clean_names", "embed_phrases", "join_phrases", "load_tokenizer"]

_VOCABULARIES: Final = ("tokenizer.json", "vocab.json", "vocab.txt")


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases made ready for one network.

    Args:
        inputs: What the network takes of them, one row for the whole text.
        spans: ``(P, T)`` bool, the tokens of each phrase; None where phrases were embedded.
        embedded: ``(P, D)`` float32; None where the network reads the text itself.
    """

    inputs: dict[str, torch.Tensor]
    spans: torch.Tensor | None = None
    embedded: torch.Tensor | None = None


def clean_names(names: Sequence[str] | None, source: str) -> list[str]:
    """Check the names that an open vocabulary detector shall find.

    Args:
        names: As the user wrote them.
        source: The detector, for the error.

    Raises:
        BlockError: There are none, one is empty, or one stands there twice.
    """
    found = [name.strip() for name in names or ()]
    wrong = "none was given" if not found else "one is empty" if not all(found) else ""
    twice = sorted({name for name in found if found.count(name) > 1})
    if wrong or twice:
        raise BlockError(
            f"{source} finds what class_names describes, and "
            + (wrong or f"{twice[0]!r} stands there twice")
            + "; write what to look for into class_names of trackwire/object_detection@v1, such "
            'as ["person", "red car"]',
            code="detector_class_names",
            property="class_names",
        )
    return found


def load_tokenizer(folder: Path, source: str) -> Any:
    """Load the tokenizer of a detector.

    Raises:
        ModelError: Its files are not there or cannot be used.
    """
    from transformers import AutoTokenizer

    # Without a vocabulary the library makes an empty one, which reads every word as unknown.
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise ModelError(
            f"{source} has no tokenizer: its folder must hold one of {', '.join(_VOCABULARIES)}; "
            "fetch the model anew",
            code="model_folder",
            source=source,
        )
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError, TypeError) as error:
        raise ModelError(
            f"the tokenizer of {source} cannot be loaded: {error}; fetch the model anew",
            code="model_folder",
            source=source,
        ) from error


def join_phrases(names: Sequence[str], tokenizer: Any, most: int, device: torch.device) -> Phrases:
    """Join names to one text, and note which tokens are whose.

    Args:
        names: Of the classes.
        tokenizer: Of the network, one that tells where its tokens stand.
        most: Tokens that the network reads.
        device: Where the network runs.

    Raises:
        BlockError: A name holds the full stop that parts names, or the text is too long.
    """
    import torch

    lowered = [name.lower() for name in names]
    if any("." in name for name in lowered):
        raise _refused(names[[("." in name) for name in lowered].index(True)], "has a full stop")
    text = ". ".join(lowered) + "."
    found = tokenizer(
        text, return_tensors="pt", return_token_type_ids=True, return_offsets_mapping=True
    )
    count = found["input_ids"].shape[1]
    if count > most:
        raise BlockError(
            f"class_names make {count} tokens together, and the detector reads {most}; give "
            "fewer or shorter names, or use a second step for the rest",
            code="detector_class_names",
            property="class_names",
        )
    starts, ends = found.pop("offset_mapping")[0].unbind(-1)
    spans = torch.zeros((len(names), most), dtype=torch.bool)
    at = 0
    for index, name in enumerate(lowered):
        inside = (starts >= at) & (ends <= at + len(name)) & (ends > starts)
        spans[index, :count] = inside
        if not inside.any():
            raise _refused(names[index], "is nothing that the detector can read")
        at += len(name) + 2
    inputs = {
        key: found[key].to(device) for key in ("input_ids", "attention_mask", "token_type_ids")
    }
    return Phrases(inputs, spans=spans.to(device))


def embed_phrases(
    names: Sequence[str], tokenizer: Any, network: Any, device: torch.device
) -> Phrases:
    """Embed each name by itself, once and for all.

    Args:
        names: Of the classes.
        tokenizer: Of the network.
        network: The part of an OWL detector that knows texts.
        device: Where it runs.

    Raises:
        BlockError: A name is too long.
    """
    import torch

    most = int(network.config.text_config.max_position_embeddings)
    lengths = [len(ids) for ids in tokenizer(list(names))["input_ids"]]
    if max(lengths) > most:
        name = names[lengths.index(max(lengths))]
        raise _refused(name, f"makes {max(lengths)} tokens, and the detector reads {most}")
    found = tokenizer(list(names), padding="max_length", max_length=most, return_tensors="pt")
    with torch.inference_mode():
        pooled = network.text_model(
            input_ids=found["input_ids"].to(device),
            attention_mask=found["attention_mask"].to(device),
        ).pooler_output
        embedded = network.text_projection(pooled)
    return Phrases({}, embedded=embedded / embedded.norm(dim=-1, keepdim=True))


def _refused(name: str, why: str) -> BlockError:
    return BlockError(
        f"the name {name!r} in class_names {why}; describe the object in a few plain words",
        code="detector_class_names",
        property="class_names",
    )
