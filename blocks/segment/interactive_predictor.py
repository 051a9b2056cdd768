"""The interactive image predictor of SAM 3, on any model that finds masks in pictures."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from trackwire.specs import ModelError, Resources

from ..models.catalog import load_image_model
from ..models.image_seam import ImagePromptError
from .interactive_prompts import read_prompts
from .predictor_options import check_areas, check_model, check_model_id, check_threshold
from .rgb_pictures import read_rgb

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..models.image_seam import Segmented
    from ..models.shared import SharedImageModel

    Answer = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

__all__ = ["PredictorStateError", "SAM3InteractiveImagePredictor", "build_tracker"]


class PredictorStateError(ModelError, RuntimeError):
    """A predictor was asked for something that its pictures do not allow yet."""

    default_code = "predictor_state"


def build_tracker(
    model_id: str = "sam3trackervideo",
    *,
    apply_temporal_disambiguation: bool = True,  # noqa: ARG001 - scripts pass it
    device: str = "auto",
) -> SharedImageModel[Any]:
    """Load the model that a predictor works with.

    Args:
        model_id: An id of the catalog, a repository of the hub, or a local folder:
            ``sam3trackervideo`` (gated: needs its licence accepted and a token),
            ``sam2video/tiny`` to ``sam2video/large``, ``edgetam``, or ``lite``, which needs no
            download.
        apply_temporal_disambiguation: Chooses between readings of an object over the frames of a
            video. A single picture has none, so both values give the same.
        device: Where it runs: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Returns:
        The model; the weights are shared with whoever else in the process holds the same.

    Raises:
        ModelError: It cannot be found or run; the message tells the ways on.

    Example:
        >>> build_tracker("lite").low_res_hw
        (256, 256)
    """
    check_model_id(model_id)
    return load_image_model(model_id, Resources(device=device))


class SAM3InteractiveImagePredictor:
    """Encode a picture once, then find masks in it from points, boxes and masks.

    The interface is that of the class of the same name in the code of SAM 3; scripts for it run
    on SAM 3, SAM 2.1 and EdgeTAM weights, and with ``lite`` without any download. A predictor
    belongs to one thread; several may share a model.

    Low-resolution masks come at the model's own side: 288 for SAM 3, 256 for the others.
    ``mask_input`` is taken at any side.

    Args:
        sam_model: What :func:`build_tracker` gives, a tracker, or another ``ImageModel``.
        mask_threshold: Logit above which a pixel belongs to a mask.
        max_hole_area: Holes up to this area are filled before masks are brought to the size of
            their picture, low-resolution pixels at the size the model was trained for; 0 for none.
        max_sprinkle_area: Specks up to this area are cleared, likewise.

    Raises:
        ModelError: ``sam_model`` finds no masks in pictures; the threshold is not finite or an
            area negative.

    Example:
        >>> import numpy as np
        >>> predictor = SAM3InteractiveImagePredictor(build_tracker("lite"))
        >>> picture = np.zeros((60, 80, 3), np.uint8)
        >>> picture[20:40, 30:60] = (200, 40, 40)
        >>> predictor.set_image(picture)
        >>> masks, scores, low_res = predictor.predict(box=np.array([25, 15, 65, 45]))
        >>> masks.shape, scores.shape, low_res.shape
        ((3, 60, 80), (3,), (3, 256, 256))
    """

    def __init__(
        self,
        sam_model: Any,
        mask_threshold: float = 0.0,
        max_hole_area: float = 256.0,
        max_sprinkle_area: float = 0.0,
    ) -> None:
        check_model(sam_model)
        check_threshold(mask_threshold)
        check_areas(max_hole_area=max_hole_area, max_sprinkle_area=max_sprinkle_area)
        given = Resources(model_loader=lambda _: sam_model)
        self.model: SharedImageModel[Any] = load_image_model(type(sam_model).__name__, given)
        self.mask_threshold = mask_threshold
        self.max_hole_area = max_hole_area
        self.max_sprinkle_area = max_sprinkle_area
        self._features: list[Any] = []
        self._sizes_wh: list[tuple[int, int]] = []
        self._is_batch = False

    @property
    def device(self) -> Any:
        """Where the model runs: a device of torch, ``cpu`` for a model without torch."""
        return self.model.device

    def set_image(self, image: NDArray[np.uint8] | Any) -> None:
        """Encode a picture; the ones set before are forgotten, also if this one is refused.

        Args:
            image: ``(H, W, 3)`` uint8 RGB, 0-255, or a PIL image.

        Raises:
            PictureFormatError: It is neither; a ``NotImplementedError``.
        """
        self._set([image], is_batch=False)

    def set_image_batch(self, image_list: Sequence[NDArray[np.uint8] | Any]) -> None:
        """Encode several pictures of any sizes together.

        Args:
            image_list: At least one ``(H, W, 3)`` uint8 RGB array or PIL image.

        Raises:
            PictureFormatError: One is neither; a ``NotImplementedError``.
            ImagePromptError: There is none, or no list was given; a ``ValueError``.
        """
        if not isinstance(image_list, list | tuple) or not image_list:
            self.reset_predictor()
            found = type(image_list).__name__
            raise ImagePromptError(
                "set_image_batch takes a list of pictures, found "
                f"{'an empty list' if isinstance(image_list, list | tuple) else f'a {found}'}; "
                "set_image takes a single one"
            )
        self._set(image_list, is_batch=True)

    def predict(
        self,
        point_coords: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask_input: ArrayLike | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> Answer:
        """Find masks in the picture that is set.

        Prompts may be arrays, lists or tensors. Without any the most prominent object is looked
        for.

        Args:
            point_coords: ``(N, 2)`` x, y of points of one object, or ``(B, N, 2)`` of several.
            point_labels: ``(N,)`` or ``(B, N)``: 1 on the object, 0 off it.
            box: ``(4,)`` x1, y1, x2, y2, or ``(B, 4)`` for several objects.
            mask_input: ``(1, h, w)`` logits of a mask to refine, as an earlier call gave them, or
                ``(B, 1, h, w)``; resized where they do not have the model's own side.
            multimask_output: Three masks for each prompt, for a prompt that may mean an object or
                a part of it; else one.
            return_logits: Give logits instead of 0 and 1.
            normalize_coords: True for coordinates in pixels of the picture; False for parts of
                its width and height, 0-1.

        Returns:
            Masks ``(C, H, W)`` float32, 0 and 1 or logits; their expected overlap with the object
            ``(C,)`` float32; low-resolution logits ``(C, h, w)`` float32 within ±32, for
            ``mask_input``. For ``B`` > 1 prompts each has a first dimension ``B``.

        Raises:
            PredictorStateError: No picture was set, or several were; a ``RuntimeError``.
            ImagePromptError: The prompts do not fit together; a ``ValueError``.
        """
        self._require_image()
        if self._is_batch:
            raise PredictorStateError(
                f"{len(self._features)} pictures were set with .set_image_batch(...): predict "
                "answers for one, set with .set_image(...); call predict_batch"
            )
        given = [(point_coords, point_labels, box, mask_input)]
        answers = self._predict(given, multimask_output, return_logits, normalize_coords)
        return answers[0]

    def predict_batch(
        self,
        point_coords_batch: Sequence[ArrayLike | None] | None = None,
        point_labels_batch: Sequence[ArrayLike | None] | None = None,
        box_batch: Sequence[ArrayLike | None] | None = None,
        mask_input_batch: Sequence[ArrayLike | None] | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Find masks in all pictures that are set, together.

        Args:
            point_coords_batch: For each picture what :meth:`predict` takes, or None; None for no
                points at all.
            point_labels_batch: Likewise.
            box_batch: Likewise.
            mask_input_batch: Likewise.
            multimask_output: As for :meth:`predict`, like what follows.
            return_logits: Give logits instead of 0 and 1.
            normalize_coords: Whether coordinates are pixels.

        Returns:
            Masks, expected overlaps and low-resolution logits, a list with one array for each
            picture, shaped as by :meth:`predict`.

        Raises:
            PredictorStateError: Pictures were not set with ``set_image_batch``.
            ImagePromptError: A list is not as long as there are pictures, or prompts of a picture
                do not fit together.
        """
        if not self._is_batch:
            raise PredictorStateError(
                "predict_batch needs pictures that were set with .set_image_batch(...); "
                f"{'one picture was' if self._features else 'none were'} set"
            )
        columns = [
            self._column(name, values)
            for name, values in (
                ("point_coords_batch", point_coords_batch),
                ("point_labels_batch", point_labels_batch),
                ("box_batch", box_batch),
                ("mask_input_batch", mask_input_batch),
            )
        ]
        answers = self._predict(
            list(zip(*columns, strict=True)), multimask_output, return_logits, normalize_coords
        )
        masks, scores, low_res = (list(each) for each in zip(*answers, strict=True))
        return masks, scores, low_res

    def get_image_embedding(self) -> Any:
        """Give the features of the pictures that are set.

        Returns:
            ``(1, C, h, w)``, ``(B, C, h, w)`` for a batch: 256 x 64 x 64 for SAM 2.1 and ``lite``,
            256 x 72 x 72 for SAM 3. A tensor of torch on the model's device, for ``lite`` an array
            of NumPy.

        Raises:
            PredictorStateError: No picture was set.
        """
        self._require_image()
        found = [self.model.embedding(feature) for feature in self._features]
        if len(found) == 1:
            return found[0]
        if isinstance(found[0], np.ndarray):
            return np.concatenate(found)
        import torch

        return torch.cat(found)

    def reset_predictor(self) -> None:
        """Forget the pictures that are set and free what is kept of them."""
        self._features = []
        self._sizes_wh = []
        self._is_batch = False

    def _set(self, images: Sequence[Any], *, is_batch: bool) -> None:
        self.reset_predictor()
        pictures = [read_rgb(image) for image in images]
        features = list(self.model.encode(pictures))
        self._features = features
        self._sizes_wh = [(picture.shape[1], picture.shape[0]) for picture in pictures]
        self._is_batch = is_batch

    def _require_image(self) -> None:
        if not self._features:
            raise PredictorStateError("no picture is set: call .set_image(...) first")

    def _column(self, name: str, values: Sequence[Any] | None) -> Sequence[Any]:
        if values is None:
            return [None] * len(self._features)
        if not isinstance(values, Sized):
            raise ImagePromptError(
                f"{name} must be a list with an entry for each picture, found a "
                f"{type(values).__name__}"
            )
        if len(values) != len(self._features):
            raise ImagePromptError(
                f"{name} must have one entry for each of the {len(self._features)} pictures, None "
                f"where a picture has none, found {len(values)}"
            )
        return values

    def _predict(
        self,
        given: Sequence[tuple[Any, Any, Any, Any]],
        multimask_output: bool,
        return_logits: bool,
        normalize_coords: bool,
    ) -> list[Answer]:
        prompts = [
            read_prompts(*one, size_wh=size_wh, pixels=normalize_coords)
            for one, size_wh in zip(given, self._sizes_wh, strict=True)
        ]
        segmented = self.model.segment(self._features, prompts, self._sizes_wh, multimask_output)
        return [self._finish(answer, return_logits) for answer in segmented]

    def _finish(self, answer: Segmented, return_logits: bool) -> Answer:
        masks = self.model.upscale(
            answer, self.max_hole_area, self.max_sprinkle_area, self.mask_threshold
        )
        if not return_logits:
            np.greater(masks, self.mask_threshold, out=masks)
        scores, low_res = answer.iou, answer.low_res
        if len(answer) == 1:
            return masks[0], scores[0], low_res[0]
        return masks, scores, low_res
