"""A detector of the hub: its network, and what its files say of pictures and classes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackwire.specs import ModelError

from ...models.hub_folder import check_complete, read_config
from .decoding import Read, best_pairs, best_phrases, best_tokens, not_nothing
from .families import Family, family_of
from .phrases import Phrases, embed_phrases, join_phrases, load_tokenizer
from .recipe import read_recipe

if TYPE_CHECKING:
    import torch

    from .pictures import Pictures

__all__ = ["HubNetwork"]


class HubNetwork:
    """The network of a detector, ready to run. It takes one call at a time.

    Args:
        folder: Its folder: ``config.json``, ``*.safetensors`` and the image processor's file.
        source: What the user called it.
        device: Where it runs.

    Raises:
        ModelError: The folder holds no detector that can be driven, or not all of it.
    """

    def __init__(self, folder: Path, source: str, device: torch.device) -> None:
        self.source = source
        self.device = device
        self.family: Family = family_of(read_config(folder, source), source)
        self.recipe = read_recipe(folder, source)
        self._folder = folder
        self._module = _load_module(folder, source, self.family).to(device).eval()
        self._lock = threading.Lock()

    @property
    def class_names(self) -> Mapping[int, str]:
        """Names by class id; empty for an open vocabulary."""
        if self.family.open_vocabulary:
            return {}
        return {int(key): str(name) for key, name in self._module.config.id2label.items()}

    def read_phrases(self, names: Sequence[str]) -> Phrases:
        """Make phrases ready for the open vocabulary network.

        Args:
            names: Of the classes.

        Raises:
            BlockError: The network cannot read one of them.
            ModelError: It has no tokenizer.
        """
        tokenizer = load_tokenizer(self._folder, self.source)
        if self.family.reading == "tokens":
            most = int(self._module.config.max_text_len)
            return join_phrases(names, tokenizer, most, self.device)
        with self._lock:
            return embed_phrases(names, tokenizer, self._module.base_model, self.device)

    def look(self, pictures: Pictures, phrases: Phrases | None) -> Read:
        """Run the network over one batch and read what it puts out.

        Args:
            pictures: The batch.
            phrases: What to look for, for an open vocabulary.

        Returns:
            Boxes as fractions of what the recipe calls the span, confidence and class, on the CPU.

        Raises:
            ModelError: The network failed.
        """
        import torch

        try:
            with self._lock, torch.inference_mode():
                boxes, confidence, classes = self._read(pictures, phrases)
                return boxes.float().cpu(), confidence.float().cpu(), classes.cpu()
        except (RuntimeError, ValueError, IndexError) as error:
            raise ModelError(
                f"{self.source} failed on a batch of {tuple(pictures.values.shape)} on "
                f"{self.device}: {error}",
                code="detector_failed",
                source=self.source,
            ) from error

    def _read(self, pictures: Pictures, phrases: Phrases | None) -> Read:
        if phrases is not None and phrases.embedded is not None:
            return best_phrases(*_match(self._module, pictures.values, phrases.embedded))
        inputs: dict[str, torch.Tensor] = {"pixel_values": pictures.values}
        if pictures.mask is not None and self.family.takes_mask:
            inputs["pixel_mask"] = pictures.mask
        if phrases is not None and phrases.spans is not None:
            count = len(pictures.values)
            inputs |= {key: row.expand(count, -1) for key, row in phrases.inputs.items()}
            found = self._module(**inputs)
            return best_tokens(found.logits, found.pred_boxes, phrases.spans)
        found = self._module(**inputs)
        if self.family.reading == "softmax":
            return not_nothing(found.logits, found.pred_boxes)
        return best_pairs(found.logits, found.pred_boxes, self.family.pairs)


def _match(
    module: Any, values: torch.Tensor, embedded: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the picture's half of an OWL detector; that of the phrases was done before."""
    grid = module.image_embedder(pixel_values=values)[0]
    patches = grid.flatten(1, 2)
    logits = module.class_predictor(patches, embedded.expand(len(values), -1, -1))[0]
    return logits, module.box_predictor(patches, grid)


def _load_module(folder: Path, source: str, family: Family) -> Any:
    import torch
    import transformers

    auto = (
        transformers.AutoModelForZeroShotObjectDetection
        if family.open_vocabulary
        else transformers.AutoModelForObjectDetection
    )
    try:
        module, report = auto.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except ImportError as error:  # the library says which package the backbone is built by
        raise ModelError(
            f"{source} ({family.title}) needs a package that is not installed: {error}",
            code="model_needs",
            source=source,
        ) from error
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ModelError(
            f"the weights of {source} cannot be loaded: {error}; fetch the model anew",
            code="model_weights",
            source=source,
        ) from error
    check_complete(report, source)
    return module
