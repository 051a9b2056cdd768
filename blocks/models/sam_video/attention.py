"""Memory attention over many objects at once: what the model remembers, laid out for a batch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

    from .image_network import FrameFeatures
    from .memory import ObjectMemory, Recall
    from .network import Network

__all__ = ["attend", "batches"]

K = TypeVar("K", bound=Hashable)


def batches(keys: Sequence[K], size: int) -> Iterator[tuple[K, list[int]]]:
    """Split items into batches of equal key, keeping their order.

    Attention takes no mask, so only memories of equal length can share a batch. Padding would
    change the result; grouping does not.

    Args:
        keys: Key of each item.
        size: Largest batch.

    Yields:
        The key and the positions of the items of one batch.
    """
    groups: dict[K, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    for key, positions in groups.items():
        for start in range(0, len(positions), size):
            yield key, positions[start : start + size]


def attend(
    network: Network,
    features: Sequence[FrameFeatures],
    memories: Sequence[ObjectMemory],
    recalls: Sequence[Recall],
    *,
    spans: Sequence[int] | None = None,
) -> torch.Tensor:
    """Let the features of the current frames look back at the memory of each object.

    Args:
        network: The model.
        features: For each object those of its frame.
        memories: Memories of ``B`` objects.
        recalls: What to read of each, all of equal ``lengths``.
        spans: For each object the age of a pointer that counts as 1; None for the greatest that
            is read, as in training.

    Returns:
        ``(B, C, h, w)`` features that carry the memory.
    """
    import torch

    views, pointers = recalls[0].lengths
    memory, position = [], []
    for kept, recall in zip(memories, recalls, strict=True):
        memory.append(_tokens(network, kept, recall))
        position.append(_view_positions(network, recall))
    splits = network.channels // network.memory_channels
    when = _pointer_positions(network, recalls, spans)
    positions = torch.cat([torch.stack(position), when], dim=1)
    latent = {"num_spatial_memory_tokens": views} if network.family.latent_memory else {}
    top = torch.cat([frame.top for frame in features]).flatten(2)
    attended = network.module.memory_attention(
        current_vision_features=top.permute(2, 0, 1),
        current_vision_position_embeddings=network.vision_position,
        memory=torch.stack(memory, dim=1),
        memory_posision_embeddings=positions.transpose(0, 1),
        num_object_pointer_tokens=pointers * splits,
        **latent,
    )
    result: torch.Tensor = attended[0].transpose(1, 2).unflatten(2, network.grid_hw)
    return result


def _tokens(network: Network, memory: ObjectMemory, recall: Recall) -> torch.Tensor:
    """``(L, memory channels)`` the remembered views, then the pointers cut into tokens."""
    import torch

    views = memory.views[[slot for slot, _ in recall.views]].flatten(0, 1).to(network.dtype)
    pointers = memory.pointers[[slot for slot, _ in recall.pointers]]
    return torch.cat([views, pointers.reshape(-1, network.memory_channels)])


def _view_positions(network: Network, recall: Recall) -> torch.Tensor:
    """``(views * tokens, memory channels)`` where and when each token of a view was seen."""
    # Age 0, a conditioning frame, has the last row of the table.
    rows = [age - 1 for _, age in recall.views]
    placed: torch.Tensor = network.view_position[rows].flatten(0, 1)
    return placed


def _pointer_positions(
    network: Network, recalls: Sequence[Recall], spans: Sequence[int] | None
) -> torch.Tensor:
    """``(B, pointer tokens, memory channels)`` when each pointer was made."""
    import torch
    from transformers.models.sam2_video.modeling_sam2_video import get_1d_sine_pe

    splits = network.channels // network.memory_channels
    ages = torch.tensor(
        [[age for _, age in recall.pointers] for recall in recalls],
        dtype=torch.float32,
        device=network.device,
    )
    config = network.config
    if config.enable_temporal_pos_encoding_for_object_pointers:
        farthest = config.max_object_pointers_in_encoder - 1
        relative = ages / torch.tensor(
            [farthest] * len(ages) if spans is None else list(spans),
            dtype=torch.float32,
            device=network.device,
        ).view(-1, 1)
        encode: Callable[..., torch.Tensor] = get_1d_sine_pe
        sine = encode(relative, dim=network.channels).to(network.dtype)
        position = network.module.temporal_positional_encoding_projection_layer(sine)
    else:
        shape = (*ages.shape, network.memory_channels)
        position = torch.zeros(shape, dtype=network.dtype, device=network.device)
    spread: torch.Tensor = position.repeat_interleave(splits, dim=1)
    return spread
