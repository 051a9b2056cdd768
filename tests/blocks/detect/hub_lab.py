"""Small detectors of random weights in folders as on the hub, and what the library says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.conditional_detr.image_processing_pil_conditional_detr import (
    ConditionalDetrImageProcessorPil,
)
from transformers.models.deformable_detr.image_processing_pil_deformable_detr import (
    DeformableDetrImageProcessorPil,
)
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil
from transformers.models.yolos.image_processing_pil_yolos import YolosImageProcessorPil

from trackwire.blocks import Frame, VideoMetadata

transformers: Any = import_module("transformers")  # its configurations are typed by halves
torch.set_num_threads(1)  # what is small waits longer for a second thread than it computes

LABELS = dict(enumerate(("person", "car", "dog", "kite", "bench")))
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "red", "car", "person", "traffic"]
EDGES = {"shortest_edge": 64, "longest_edge": 100}
_RESNET = {
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 16, 16],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
    "out_features": ["stage2", "stage3", "stage4"],
}
_SMALL = {
    "encoder_hidden_dim": 32,
    "encoder_in_channels": [16, 16, 16],
    "encoder_ffn_dim": 32,
    "encoder_attention_heads": 2,
    "d_model": 32,
    "num_queries": 20,
    "decoder_in_channels": [32, 32, 32],
    "decoder_ffn_dim": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 2,
    "id2label": LABELS,
}
_DETR = {
    "encoder_layers": 1,
    "encoder_ffn_dim": 32,
    "encoder_attention_heads": 2,
    "decoder_layers": 2,
    "decoder_ffn_dim": 32,
    "decoder_attention_heads": 2,
    "d_model": 32,
    "num_queries": 20,
    "id2label": LABELS,
}
_WINDOWED = {
    "d_model": 32,
    "decoder_ffn_dim": 32,
    "decoder_layers": 2,
    "decoder_self_attention_heads": 2,
    "decoder_cross_attention_heads": 2,
    "num_queries": 10,
    "group_detr": 2,
    "id2label": LABELS,
}
_SPREAD = {"class": 0.3, "bbox": 0.1, "box_head": 0.1, "query": 1.0, "detection_tokens": 1.0}
_OWL = {
    "text_config": {
        "vocab_size": 60,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 16,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "vision_config": {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 16,
    },
    "projection_dim": 32,
}


def frame(width: int, height: int, seed: int = 0) -> Frame:
    """A frame with large shapes and some noise."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 200, (5, 7, 3), dtype=np.uint8)
    rows = np.linspace(0, 4.99, height).astype(int)
    columns = np.linspace(0, 6.99, width).astype(int)
    noise = random.integers(0, 50, (height, width, 3), dtype=np.uint8)
    image: NDArray[np.uint8] = small[rows][:, columns] + noise
    video = VideoMetadata("lab", 0, seed, 0, None, datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    return Frame(image, video)


def save(kind: str, folder: Path) -> Path:
    """Save a small detector of a family, named by its ``model_type``, with all of its files."""
    torch.manual_seed(3)
    module, processor = _BUILD[kind]()
    for name, value in module.named_parameters():
        # Scores far apart, so that their order is no matter of rounding, and calm boxes.
        spread = next((std for part, std in _SPREAD.items() if part in name), None)
        if spread is not None and value.ndim > 1:
            torch.nn.init.normal_(value, std=spread)
    module.save_pretrained(folder)
    processor.save_pretrained(folder)
    if kind.startswith("owl"):
        _save_clip_tokenizer(folder)
    if kind.endswith("grounding-dino"):
        (folder / "vocab.txt").write_text("\n".join(WORDS))
        (folder / "tokenizer_config.json").write_text(
            json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True})
        )
    return folder


def answers(
    kind: str, folder: Path, frames: list[Frame], names: list[str] | None = None
) -> list[dict[str, Any]]:
    """What the library makes of each picture by itself: scores, labels and boxes, all of them.

    For Grounding DINO there are the scores of all ``tokens`` in the place of the labels.
    """
    processor = _PROCESSORS[kind].from_pretrained(folder)
    auto = (
        transformers.AutoModelForObjectDetection
        if names is None
        else transformers.AutoModelForZeroShotObjectDetection
    )
    module = auto.from_pretrained(folder).eval()
    words = {} if names is None else _read(kind, folder, names)
    found = []
    for each in frames:
        rgb = np.ascontiguousarray(each.image[..., ::-1])
        inputs = dict(processor(rgb, return_tensors="pt", input_data_format="channels_last"))
        if kind == "yolos":
            del inputs["pixel_mask"]  # which this family does not take
        with torch.inference_mode():
            outputs = module(**inputs, **words)
        size = torch.tensor([rgb.shape[:2]])
        if kind.endswith("grounding-dino"):
            found.append(_grounded(outputs, words["input_ids"], size))
            continue
        (answer,) = processor.post_process_object_detection(
            outputs, threshold=0.0, target_sizes=size
        )
        found.append(dict(answer))
    return found


def _read(kind: str, folder: Path, names: list[str]) -> dict[str, Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    if kind.endswith("grounding-dino"):
        text = ". ".join(names) + "."
        return dict(tokenizer(text, return_tensors="pt", return_token_type_ids=True))
    return dict(tokenizer(names, padding="max_length", max_length=16, return_tensors="pt"))


def _grounded(outputs: Any, input_ids: Any, size: torch.Tensor) -> dict[str, Any]:
    class Decoder:
        """The part of the processor that the method needs; the whole asks for torchvision."""

        @staticmethod
        def batch_decode(ids: Any) -> Any:
            return ids

    module = transformers.models.grounding_dino.processing_grounding_dino
    (answer,) = module.GroundingDinoProcessor.post_process_grounded_object_detection(
        Decoder(), outputs, input_ids, threshold=0.0, target_sizes=size
    )
    tokens = outputs.logits.sigmoid()[0]
    return {"scores": answer["scores"], "boxes": answer["boxes"], "tokens": tokens}


def _rtdetr(config: Any, module: Any) -> Any:
    def build() -> tuple[Any, Any]:
        backbone = transformers.RTDetrResNetConfig(**_RESNET)
        made = module(config(backbone_config=backbone, **_SMALL))
        return made, RTDetrImageProcessorPil(size={"height": 96, "width": 64})

    return build


def _d_fine() -> tuple[Any, Any]:
    backbone = transformers.HGNetV2Config(
        stem_channels=[3, 8, 8],
        hidden_sizes=[16, 16, 16, 16],
        stage_in_channels=[8, 16, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[16, 16, 16, 16],
        stage_num_blocks=[1, 1, 1, 1],
        stage_downsample=[False, True, True, True],
        stage_light_block=[False, False, True, True],
        stage_kernel_size=[3, 3, 3, 3],
        stage_numb_of_layers=[2, 2, 2, 2],
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.DFineConfig(backbone_config=backbone, **_SMALL)
    processor = RTDetrImageProcessorPil(size={"height": 64, "width": 64})
    return transformers.DFineForObjectDetection(config), processor


def _detr() -> tuple[Any, Any]:
    backbone = transformers.ResNetConfig(**_RESNET | {"out_features": ["stage4"]})
    config = transformers.DetrConfig(backbone_config=backbone, **_DETR)
    return transformers.DetrForObjectDetection(config), DetrImageProcessorPil(size=EDGES)


def _padded_deformable() -> tuple[Any, Any]:
    backbone = transformers.ResNetConfig(**_RESNET)
    config = transformers.DeformableDetrConfig(backbone_config=backbone, **_DETR)
    processor = DeformableDetrImageProcessorPil(size=EDGES, pad_size={"height": 112, "width": 112})
    return transformers.DeformableDetrForObjectDetection(config), processor


def _yolos() -> tuple[Any, Any]:
    config = transformers.YolosConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[64, 96],
        num_detection_tokens=12,
        id2label=LABELS,
    )
    return transformers.YolosForObjectDetection(config), YolosImageProcessorPil(size=EDGES)


def _owlv2() -> tuple[Any, Any]:
    module = transformers.Owlv2ForObjectDetection(transformers.Owlv2Config(**_OWL))
    return module, Owlv2ImageProcessorPil(size={"height": 64, "width": 64})


def _owlvit() -> tuple[Any, Any]:
    module = transformers.OwlViTForObjectDetection(transformers.OwlViTConfig(**_OWL))
    return module, OwlViTImageProcessorPil(size={"height": 64, "width": 64})


def _grounding_dino() -> tuple[Any, Any]:
    swin = transformers.SwinConfig(
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 2, 2, 2],
        window_size=4,
        image_size=64,
        out_features=["stage2", "stage3", "stage4"],
    )
    bert = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=swin,
        text_config=bert,
        max_text_len=32,
        **{key: value for key, value in _DETR.items() if key != "id2label"},
    )
    processor = GroundingDinoImageProcessorPil(size={"shortest_edge": 96, "longest_edge": 160})
    return transformers.GroundingDinoForObjectDetection(config), processor


def _with_resnet(config: str, module: str, processor: Any, **options: Any) -> Any:
    def build() -> tuple[Any, Any]:
        backbone = transformers.ResNetConfig(**_RESNET | {"out_features": ["stage4"]})
        made = getattr(transformers, config)(backbone_config=backbone, **_DETR | options)
        return getattr(transformers, module)(made), processor(size=EDGES)

    return build


def _deimv2() -> tuple[Any, Any]:
    config = transformers.Deimv2Config(
        backbone_config=_d_fine()[0].config.backbone_config, **_SMALL
    )
    processor = RTDetrImageProcessorPil(size={"height": 64, "width": 64})
    return transformers.Deimv2ForObjectDetection(config), processor


def _lw_detr() -> tuple[Any, Any]:
    vit = transformers.models.lw_detr.configuration_lw_detr.LwDetrViTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=64,
        pretrain_image_size=64,
        patch_size=16,
        window_block_indices=[0, 2],
        num_windows=4,
        out_indices=[2, 4],
    )
    config = transformers.LwDetrConfig(
        backbone_config=vit, projector_scale_factors=[1.0], **_WINDOWED
    )
    processor = DeformableDetrImageProcessorPil(size={"height": 64, "width": 64})
    return transformers.LwDetrForObjectDetection(config), processor


class RfDetrByHand:
    """RF-DETR's processor, which needs torchvision: floats, no antialiasing, best pairs."""

    def __call__(self, rgb: NDArray[np.uint8], **_options: Any) -> dict[str, Any]:
        picture = torch.tensor(rgb).permute(2, 0, 1)[None].float() / 255
        size = torch.nn.functional.interpolate(picture, (64, 96), mode="bilinear")
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        return {"pixel_values": (size - mean) / std}

    def save_pretrained(self, folder: Path) -> None:
        """Write what the library would."""
        settings = {"image_processor_type": "RfDetrImageProcessor", "do_pad": True}
        settings |= {"size": {"height": 64, "width": 96}}
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))

    @classmethod
    def from_pretrained(cls, _folder: Path) -> RfDetrByHand:
        """Nothing is kept in the folder that is not written here."""
        return cls()

    def post_process_object_detection(self, outputs: Any, **options: Any) -> Any:
        """The best pairs, as for RT-DETR."""
        return RTDetrImageProcessorPil().post_process_object_detection(outputs, **options)


def _rf_detr() -> tuple[Any, Any]:
    dino = transformers.models.rf_detr.configuration_rf_detr.RfDetrDinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        patch_size=16,
        num_windows=2,
        out_features=["stage1", "stage2"],
    )
    module = transformers.RfDetrForObjectDetection(
        transformers.RfDetrConfig(backbone_config=dino, **_WINDOWED)
    )
    return module, RfDetrByHand()


def _mm_grounding_dino() -> tuple[Any, Any]:
    made, processor = _grounding_dino()
    config = transformers.MMGroundingDinoConfig(
        backbone_config=made.config.backbone_config,
        text_config=made.config.text_config,
        max_text_len=32,
        **{key: value for key, value in _DETR.items() if key != "id2label"},
    )
    return transformers.MMGroundingDinoForObjectDetection(config), processor


def _save_clip_tokenizer(folder: Path) -> None:
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = [
        "!",
        "<|startoftext|>",
        "<|endoftext|>",
        *letters,
        *(f"{each}</w>" for each in letters),
    ]
    (folder / "vocab.json").write_text(json.dumps({word: at for at, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 16, "pad_token": "!"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


_BUILD: dict[str, Any] = {
    "rt_detr": _rtdetr(transformers.RTDetrConfig, transformers.RTDetrForObjectDetection),
    "rt_detr_v2": _rtdetr(transformers.RTDetrV2Config, transformers.RTDetrV2ForObjectDetection),
    "d_fine": _d_fine,
    "detr": _detr,
    "table-transformer": _with_resnet(
        "TableTransformerConfig", "TableTransformerForObjectDetection", DetrImageProcessorPil
    ),
    "conditional_detr": _with_resnet(
        "ConditionalDetrConfig",
        "ConditionalDetrForObjectDetection",
        ConditionalDetrImageProcessorPil,
    ),
    "dab-detr": _with_resnet(
        "DabDetrConfig",
        "DabDetrForObjectDetection",
        ConditionalDetrImageProcessorPil,
        hidden_size=32,
    ),
    "deformable_detr": _padded_deformable,
    "lw_detr": _lw_detr,
    "rf_detr": _rf_detr,
    "deimv2": _deimv2,
    "yolos": _yolos,
    "owlv2": _owlv2,
    "owlvit": _owlvit,
    "grounding-dino": _grounding_dino,
    "mm-grounding-dino": _mm_grounding_dino,
}
_PROCESSORS: dict[str, Any] = {
    "rt_detr": RTDetrImageProcessorPil,
    "rt_detr_v2": RTDetrImageProcessorPil,
    "d_fine": RTDetrImageProcessorPil,
    "detr": DetrImageProcessorPil,
    "deformable_detr": DeformableDetrImageProcessorPil,
    "table-transformer": DetrImageProcessorPil,
    "conditional_detr": ConditionalDetrImageProcessorPil,
    "dab-detr": ConditionalDetrImageProcessorPil,
    "lw_detr": DeformableDetrImageProcessorPil,
    "rf_detr": RfDetrByHand,
    "deimv2": RTDetrImageProcessorPil,
    "yolos": YolosImageProcessorPil,
    "owlv2": Owlv2ImageProcessorPil,
    "owlvit": OwlViTImageProcessorPil,
    "grounding-dino": GroundingDinoImageProcessorPil,
    "mm-grounding-dino": GroundingDinoImageProcessorPil,
}
