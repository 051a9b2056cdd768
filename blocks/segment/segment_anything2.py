"""Masks in single pictures for scripts: embed a picture once, then ask for objects in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from pydantic import ValidationError

from trackwire.specs import ModelError, Resources

from .asking import Ask, answer_all
from .byte_cache import ByteCache
from .pictures import read_picture
from .prompts import Sam2Prompt, Sam2PromptSet
from .versions import catalog_id

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..models.shared import SharedImageModel
    from .pictures import Picture

    Prompts: TypeAlias = (
        Sam2PromptSet | Sam2Prompt | Mapping[str, Any] | Sequence[Sam2Prompt | Mapping[str, Any]]
    )

__all__ = ["Embedding", "ScoredMasks", "SegmentAnything2"]

_EMBEDDING_BYTES: Final = 512 << 20
_LOGITS_BYTES: Final = 64 << 20
_NAMED: Final = 8  # names of kept pictures that an error lists


class Embedding(NamedTuple):
    """What :meth:`SegmentAnything2.embed_image` gives.

    Args:
        embedding: ``(1, C, h, w)`` features of the picture: a tensor where the model runs on
            torch, else an array.
        image_shape: Height and width of the picture, pixels.
        image_id: What the picture is kept under.
    """

    embedding: Any
    image_shape: tuple[int, int]
    image_id: str


class ScoredMasks(NamedTuple):
    """What :meth:`SegmentAnything2.segment_with_scores` gives, for ``N`` prompts.

    Args:
        masks: ``(N, H, W)`` float32 logits at the size of the picture.
        scores: ``(N,)`` float32, how well the model expects each mask to fit, 0-1.
        low_res_masks: ``(N, h, w)`` float32 logits within ±32, to start from another time.
    """

    masks: NDArray[np.float32]
    scores: NDArray[np.float32]
    low_res_masks: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Embedded:
    features: Any
    size_wh: tuple[int, int]
    digest: str  # two pictures may come under one name, one after the other


class SegmentAnything2:
    """Segment Anything on single pictures, with what was computed kept by ``image_id``.

    Prompts that only add to some that were answered before go on from the mask found then. Both
    caches are bounded by the bytes they hold and forget first what was used longest ago. Methods
    may be called from several threads. ``predictor`` asks the same model step by step; its
    ``mask_threshold`` is the logit from which on a pixel belongs to a mask.

    Args:
        model_id: ``sam2/hiera_tiny``, ``sam2/hiera_small``, ``sam2/hiera_b_plus`` or
            ``sam2/hiera_large``, with ``sam2/`` or without; or any id of the catalog:
            ``lite``, which needs no download, ``sam2video/tiny@512``, a repository of the
            Hugging Face hub, a folder.
        device: Where the model runs: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        base_directory: Where relative folders start; None for the working directory.
        embedding_cache_bytes: Most bytes of embeddings that are kept.
        logits_cache_bytes: Most bytes of low-resolution masks that are kept.

    Raises:
        ModelError: There is no such model, or it cannot be loaded.

    Example:
        >>> m = SegmentAnything2(model_id="lite")
        >>> masks, _ = m.segment_image("street.jpg", prompts={"points": [{"x": 250, "y": 80}]})
        >>> polygons = masks2poly(masks >= m.predictor.mask_threshold)
    """

    def __init__(
        self,
        model_id: str = "sam2/hiera_large",
        *,
        device: str = "auto",
        base_directory: str | Path | None = None,
        embedding_cache_bytes: int = _EMBEDDING_BYTES,
        logits_cache_bytes: int = _LOGITS_BYTES,
    ) -> None:
        from ..models.catalog import load_image_model
        from .interactive_predictor import SAM3InteractiveImagePredictor

        self.model_id: Final = model_id
        resources = Resources(
            device=device,
            base_directory=None if base_directory is None else Path(base_directory),
        )
        self._model: SharedImageModel[Any] = load_image_model(catalog_id(model_id), resources)
        self.predictor: Final = SAM3InteractiveImagePredictor(
            self._model, max_hole_area=0.0, max_sprinkle_area=0.0
        )
        self.embedding_cache: Final[ByteCache[str, _Embedded]] = ByteCache(embedding_cache_bytes)
        self.logits_cache: Final[ByteCache[tuple[str, str, Sam2PromptSet], NDArray[np.float32]]] = (
            ByteCache(logits_cache_bytes)
        )

    def embed_image(self, image: Picture | None, image_id: str | None = None) -> Embedding:
        """Compute what only depends on a picture, and keep it.

        Args:
            image: A path, the bytes of an image file, an array in BGR order, an image of Pillow,
                a frame or the mapping of an HTTP body. Not looked at if ``image_id`` is known.
            image_id: What to keep it under; None for a name made of the pixels.

        Raises:
            ModelError: The picture cannot be read; there is none, and ``image_id`` is not known.
        """
        embedded, name = self._embed(image, image_id)
        width, height = embedded.size_wh
        return Embedding(self._model.embedding(embedded.features), (height, width), name)

    def segment_image(
        self,
        image: Picture | None = None,
        image_id: str | None = None,
        prompts: Prompts | None = None,
        *,
        multimask_output: bool = True,
        mask_input: ArrayLike | None = None,
        save_logits_to_cache: bool = True,
        load_logits_from_cache: bool = True,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the objects that prompts ask for.

        Args:
            image: As :meth:`embed_image` takes it; None for one that was embedded as
                ``image_id``.
            image_id: What the picture is kept under; None for a name made of the pixels.
            prompts: A set of prompts, a list of them or one; None for the most prominent object.
            multimask_output: Whether the model proposes three masks for each prompt, of which
                the most confident one is given: better for a prompt that could mean a part or
                the whole, such as a single point.
            mask_input: Logits to start from, as the second value given before: ``(h, w)``, or
                one for each prompt ``(N, h, w)``. Outweighs what is kept.
            save_logits_to_cache: Whether to keep the masks for prompts that add to these.
            load_logits_from_cache: Whether to start from masks that were kept, where prompts
                only add to those that gave them.

        Returns:
            Logits at the size of the picture, float32; ``>= predictor.mask_threshold`` is mask;
            and low-resolution logits within ±32. ``(H, W)`` and ``(h, w)`` without prompts,
            ``(N, H, W)`` and ``(N, h, w)`` with ``N`` prompts.

        Raises:
            ModelError: The picture cannot be read, prompts have another form, or ``mask_input``
                another shape.
        """
        asked = _as_set(prompts)
        found = self.segment_with_scores(
            image,
            image_id,
            asked,
            multimask_output=multimask_output,
            mask_input=mask_input,
            save_logits_to_cache=save_logits_to_cache,
            load_logits_from_cache=load_logits_from_cache,
        )
        if not len(asked):
            return found.masks[0], found.low_res_masks[0]
        return found.masks, found.low_res_masks

    def segment_with_scores(
        self,
        image: Picture | None = None,
        image_id: str | None = None,
        prompts: Prompts | None = None,
        *,
        multimask_output: bool = True,
        mask_input: ArrayLike | None = None,
        save_logits_to_cache: bool = True,
        load_logits_from_cache: bool = True,
    ) -> ScoredMasks:
        """Find objects like :meth:`segment_image`, and say how well each mask should fit.

        Takes the same arguments and raises the same errors. Without prompts ``N`` is 1.
        """
        asked = _as_set(prompts)
        said = asked.as_prompts()
        embedded, name = self._embed(image, image_id)
        starts: Sequence[NDArray[np.float32] | None] = [None] * len(said)
        if mask_input is not None:
            starts = _starts(mask_input, len(said))
        elif load_logits_from_cache:
            starts = self._earlier(name, embedded.digest, asked) or starts
        asks = [Ask.of(prompt, logits) for prompt, logits in zip(said, starts, strict=True)]
        (answer,) = answer_all(
            self._model,
            [embedded.features],
            [asks],
            [embedded.size_wh],
            multimask=multimask_output,
        )
        low_res = answer.low_res
        if save_logits_to_cache:
            self.logits_cache.put((name, embedded.digest, asked), low_res, low_res.nbytes)
        width, height = embedded.size_wh
        masks = np.empty((len(asks), height, width), np.float32)
        for row, mask in answer.full_size(self._model):
            masks[row] = mask
        return ScoredMasks(masks, answer.iou, low_res)

    def _embed(self, image: Picture | None, image_id: str | None) -> tuple[_Embedded, str]:
        known = None if image_id is None else self.embedding_cache.get(image_id)
        if known is not None and image_id is not None:
            return known, image_id
        if image is None:
            raise ModelError(
                f"no picture was given, and {_not_kept(image_id, tuple(self.embedding_cache))}",
                code="image_id_unknown",
                image_id=image_id,
            )
        picture = read_picture(image)
        digest = _digest(picture)
        name = digest if image_id is None else image_id
        known = self.embedding_cache.get(name)
        if known is None:
            (features,) = self._model.encode([picture])
            known = _Embedded(features, (picture.shape[1], picture.shape[0]), digest)
            self.embedding_cache.put(name, known, self._model.nbytes(features))
        return known, name

    def _earlier(
        self, name: str, digest: str, asked: Sam2PromptSet
    ) -> list[NDArray[np.float32] | None] | None:
        """For each prompt the logits of the one that it adds to, from the fullest set kept."""
        best: tuple[int, Sam2PromptSet, tuple[int | None, ...]] | None = None
        for kept_name, kept_digest, earlier in self.logits_cache:
            same = (kept_name, kept_digest) == (name, digest)
            origins = asked.origins(earlier) if same else None
            # Of sets that say as much the one used last is taken: it comes last.
            if origins is not None and (best is None or earlier.size >= best[0]):
                best = earlier.size, earlier, origins
        logits = None if best is None else self.logits_cache.get((name, digest, best[1]))
        if best is None or logits is None:
            return None
        return [None if origin is None else logits[origin] for origin in best[2]]


def _as_set(prompts: Prompts | None) -> Sam2PromptSet:
    if isinstance(prompts, Sam2PromptSet):
        return prompts
    try:
        return Sam2PromptSet.model_validate(prompts)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'prompts'}: {each['msg']}"
            for each in error.errors()
        )
        raise ModelError(
            f"prompts have another form: {wrong}. Allowed are "
            '{"prompts": [...]}, a list of prompts, or one prompt, each with '
            '"box": {"x", "y", "width", "height"} (x and y of its centre) and '
            '"points": [{"x", "y", "positive"}], pixels',
            code="prompts_format",
        ) from error


def _starts(mask_input: ArrayLike, count: int) -> Sequence[NDArray[np.float32]]:
    try:
        logits = np.asarray(mask_input, np.float32)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"mask_input must be an array of numbers with rows of equal length: {error}",
            code="mask_input",
        ) from error
    if logits.ndim == 4 and logits.shape[1] == 1:
        logits = logits[:, 0]
    if logits.ndim == 2:
        logits = logits[None]
    if logits.ndim != 3 or len(logits) != count or logits.size == 0:
        raise ModelError(
            f"mask_input must be (h, w) for one prompt, or (N, h, w) for N, found shape "
            f"{np.shape(mask_input)} for {count}; pass on the second value that segment_image gave",
            code="mask_input",
        )
    return list(logits)


def _not_kept(image_id: str | None, kept: Sequence[str]) -> str:
    if image_id is None:
        return "no image_id of one that is kept; pass either on"
    newest = ", ".join(map(repr, reversed(kept[-_NAMED:]))) or "none"
    return (
        f"none is kept as image_id {image_id!r}; kept are: {newest}"
        f"{f' and {more} more' if (more := len(kept) - _NAMED) > 0 else ''}. Pass the picture on, "
        "or raise embedding_cache_bytes if it was dropped"
    )


def _digest(picture: NDArray[np.uint8]) -> str:
    digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()
