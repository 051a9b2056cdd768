"""The video model: many objects of many streams through one pass of a Segment Anything tracker."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trackwire.specs import ModelError

from .attention import attend, batches
from .image_network import FrameFeatures
from .memory import MemoryLayout, ObjectMemory
from .network import Decoded, Network
from .preprocess import Preprocessor
from .prompts import Request, answer, check_prompts
from .proposal import MaskCare, SamProposal

if TYPE_CHECKING:
    import torch

    from ...frame import Frame
    from ..sam_image.model import SamImageModel
    from ..seam import MemoryPlan, Prompt, Proposal

__all__ = ["SamState", "SamVideoModel", "batch_size"]


@dataclass(slots=True)
class SamState:
    """What one session remembers. Made by ``SamVideoModel.open``, written by ``remember`` only.

    Args:
        size_wh: Size of the session's frames, pixels.
        objects: Memory of each track, in order of birth.
        closed: Whether the state was freed.
    """

    size_wh: tuple[int, int]
    objects: dict[int, ObjectMemory] = field(default_factory=dict)
    closed: bool = False


@dataclass(frozen=True, slots=True)
class _View:
    """One track's accepted view of a frame, on its way into memory."""

    state: int
    track_id: int
    proposal: SamProposal
    conditioning: bool

    @property
    def row(self) -> int:
        return self.proposal.row_of[self.track_id]


class SamVideoModel:
    """SAM 2.1, EdgeTAM or SAM 3's visual tracker behind the seam of the video tracker.

    A prompted object does not look back on that frame: its view becomes a conditioning frame.
    Whether a view counts as prompted is decided per object. Which views enter memory is the
    session's choice (``MemoryPlan``): writing every track on every frame gives the behaviour of
    the reference implementation; leaving hidden tracks out keeps their last views, at the
    temporal positions they had, until the object is seen again.

    Args:
        network: The loaded model; may be shared.
        max_conditioning: Conditioning frames kept per object: the first and the newest. The
            library keeps all, which grows without end under re-prompting.
        batch: Largest batch of objects, or None to choose by device.
        hole_area: Largest hole filled in shown masks, low-resolution pixels; None for the
            family's value, 0 for none.
        sprinkle_area: Largest sprinkle removed, likewise.
        non_overlap: Whether a pixel belongs to one object at most in shown masks.
        exact_memory: Whether remembered views keep the type of the network's numbers. The
            reference rounds the feature maps of SAM 2.1 and SAM 3 to bfloat16; a difference in
            the last bit, as batches of another size bring, can tip that rounding, and then
            results of a float32 network agree to some 1e-3 rather than 1e-5.
    """

    def __init__(
        self,
        network: Network,
        *,
        max_conditioning: int = 4,
        batch: int | None = None,
        hole_area: int | None = None,
        sprinkle_area: int | None = None,
        non_overlap: bool = False,
        exact_memory: bool = False,
    ) -> None:
        if max_conditioning < 1 or (batch is not None and batch < 1):
            raise ModelError(
                "max_conditioning and batch must be at least 1, "
                f"found {max_conditioning} and {batch}",
                code="model_option",
            )
        family = network.family
        self.network = network
        self._batch = batch or batch_size(network)
        self._care = MaskCare(
            family.hole_area if hole_area is None else hole_area,
            family.sprinkle_area if sprinkle_area is None else sprinkle_area,
            non_overlap,
        )
        self._preprocess = Preprocessor(
            network.image_size, family.mean, family.std, network.device, network.dtype
        )
        self._layout = MemoryLayout.of(network, max_conditioning, exact=exact_memory)

    def encode(self, frames: Sequence[Frame]) -> Sequence[FrameFeatures]:
        """Compute what only depends on the picture, batched over streams.

        Args:
            frames: Frames of any sizes.
        """
        import torch

        features: list[FrameFeatures] = []
        with torch.inference_mode():
            for start in range(0, len(frames), self._batch):
                pictures = self._preprocess(frames[start : start + self._batch])
                features += self.network.encode(pictures)
        return features

    def image_model(self) -> SamImageModel:
        """Give what finds masks in single pictures with the same weights, which it shares."""
        from ..sam_image.model import SamImageModel

        return SamImageModel(self.network)

    def open(self, size_wh: tuple[int, int]) -> SamState:
        """Start an empty state for frames of the given size, pixels."""
        return SamState(size_wh)

    def propagate(
        self, states: Sequence[SamState], features: Sequence[FrameFeatures]
    ) -> Sequence[SamProposal]:
        """Find every track of each state on the new frame; the states stay as they are."""
        import torch

        _check_open(states)
        items = [
            (index, memory)
            for index, state in enumerate(states)
            for memory in state.objects.values()
        ]
        recalls = [memory.recall() for _, memory in items]
        found: dict[int, tuple[Decoded, int]] = {}
        with torch.inference_mode():
            for _, positions in batches([recall.lengths for recall in recalls], self._batch):
                frames = [features[items[position][0]] for position in positions]
                memories = [items[position][1] for position in positions]
                chosen = [recalls[position] for position in positions]
                top = attend(self.network, frames, memories, chosen)
                decoded = self.network.decode(_shared(frames), top, None, None)
                found.update((p, (decoded, row)) for row, p in enumerate(positions))
            rows = iter([found[position] for position in range(len(items))])
            return [
                self._propose(state, list(state.objects), [next(rows) for _ in state.objects])
                for state in states
            ]

    def prompt(
        self,
        states: Sequence[SamState],
        features: Sequence[FrameFeatures],
        prompts: Sequence[Sequence[Prompt]],
        seen: Sequence[Proposal],
    ) -> Sequence[SamProposal]:
        """Answer prompts on the current frame; the states stay as they are.

        Args:
            states: States, unchanged since ``propagate``.
            features: Features of the current frames.
            prompts: For each state the prompts, at most one per track.
            seen: Not used: these models answer a prompt without looking at the track.

        Returns:
            For each state one proposal with exactly the prompted tracks, in prompt order.

        Raises:
            ModelError: A track is prompted twice, a label or a mask's size is wrong.
        """
        import torch

        _check_open(states)
        for asked in prompts:
            check_prompts(asked)
        requests = [
            Request(prompt, features[index], state.size_wh)
            for index, state in enumerate(states)
            for prompt in prompts[index]
        ]
        with torch.inference_mode():
            answers, given = answer(self.network, requests, self._batch)
            proposals, start = [], 0
            for state, asked in zip(states, prompts, strict=True):
                rows = [(answers[start + row], 0) for row in range(len(asked))]
                places = range(start, start + len(asked))
                masks = {place - start: given[place] for place in places if place in given}
                ids = [prompt.track_id for prompt in asked]
                proposals.append(self._propose(state, ids, rows, prompted=True, given=masks))
                start += len(asked)
        return proposals

    def remember(
        self,
        states: Sequence[SamState],
        features: Sequence[FrameFeatures],
        accepted: Sequence[Sequence[Proposal]],
        plans: Sequence[MemoryPlan],
    ) -> None:
        """Advance the states by the accepted view of this frame: the only writer.

        All views are encoded before the first is written, so an error leaves every state as it
        was.

        Args:
            states: States to advance.
            features: Features of the current frames.
            accepted: For each state the proposals accepted, later ones winning.
            plans: Which tracks enter memory. A newly prompted track always does, as a
                conditioning frame.

        Raises:
            ModelError: A plan names a track without an accepted view.
        """
        import torch

        _check_open(states)
        views = [
            view
            for index, state in enumerate(states)
            for view in _planned(index, state, accepted[index], plans[index])
        ]
        with torch.inference_mode():
            encoded: list[torch.Tensor] = []
            for start in range(0, len(views), self._batch):
                encoded += self._encode_views(views[start : start + self._batch], features)
            born = {
                (view.state, view.track_id): ObjectMemory(self._layout)
                for view in views
                if view.track_id not in states[view.state].objects
            }
            for view, tokens in zip(views, encoded, strict=True):
                objects = states[view.state].objects
                if view.track_id not in objects:
                    objects[view.track_id] = born[view.state, view.track_id]
                pointer = view.proposal.pointer[view.row]
                objects[view.track_id].write(tokens, pointer, conditioning=view.conditioning)

    def drop(self, state: SamState, track_ids: Collection[int]) -> None:
        """Forget tracks; ids that the state does not know are ignored."""
        for track_id in track_ids:
            state.objects.pop(track_id, None)

    def nbytes(self, state: SamState) -> int:
        """Bytes of the state's tensors; fixed per object from its birth."""
        return sum(memory.nbytes for memory in state.objects.values())

    def close(self, state: SamState) -> None:
        """Free what the state holds; it must not be used again."""
        state.objects.clear()
        state.closed = True

    def _encode_views(
        self, views: Sequence[_View], features: Sequence[FrameFeatures]
    ) -> list[torch.Tensor]:
        """``(tokens, channels)`` per view, encoded as one batch."""
        import torch

        network = self.network
        frames = _shared([features[view.state] for view in views])
        logits = torch.cat([self._memory_logits(view) for view in views])
        seen = torch.stack([view.proposal.object_logit[view.row] for view in views])
        prompted = torch.tensor([view.proposal.prompted for view in views], device=network.device)
        return list(network.encode_views(frames, logits, seen, prompted))

    def _memory_logits(self, view: _View) -> torch.Tensor:
        given = view.proposal.given.get(view.row)
        if given is not None:
            return self.network.memory_logits(given[None].float() * 20.0 - 10.0)
        return self.network.memory_logits(view.proposal.low_res[view.row][None])

    def _propose(
        self,
        state: SamState,
        track_ids: Sequence[int],
        rows: Sequence[tuple[Decoded, int]],
        *,
        prompted: bool = False,
        given: Mapping[int, torch.Tensor] | None = None,
    ) -> SamProposal:
        """Gather rows of decoded batches into the proposal of one stream."""
        import torch

        network = self.network
        if rows:
            low_res = torch.stack([decoded.low_res[row] for decoded, row in rows])
            pointer = torch.stack([decoded.pointer[row] for decoded, row in rows])
            logit = torch.stack([decoded.object_logit[row] for decoded, row in rows])
            iou = torch.stack([decoded.iou[row] for decoded, row in rows])
        else:
            low_res = torch.zeros((0, *network.low_res_hw), device=network.device)
            pointer = torch.zeros((0, network.channels), device=network.device)
            logit = iou = torch.zeros(0, device=network.device)
        raw: NDArray[np.float32] = torch.stack([logit, iou]).cpu().numpy()
        return SamProposal(
            track_ids,
            low_res,
            pointer,
            logit,
            {"object_logit": raw[0], "predicted_iou": raw[1]},
            prompted=prompted,
            size_wh=state.size_wh,
            care=self._care,
            given=given or {},
        )


def _planned(
    index: int, state: SamState, accepted: Sequence[Proposal], plan: MemoryPlan
) -> list[_View]:
    """The views of one stream that enter memory: those planned and those of new tracks.

    A track that was propagated and is no longer in the state was dropped since, and is not new.
    """
    latest: dict[int, SamProposal] = {}
    for proposal in accepted:
        if not isinstance(proposal, SamProposal):
            raise ModelError(
                f"a proposal of another model was accepted, a {type(proposal).__name__}; pass on "
                "what propagate() and prompt() of this model return",
                code="foreign_proposal",
            )
        for track_id in proposal.track_ids.tolist():
            latest[track_id] = proposal
    if missing := sorted(plan.write - latest.keys()):
        raise ModelError(
            f"tracks {missing} are to be remembered but have no accepted view on this frame; "
            f"accepted: {sorted(latest)}",
            code="memory_plan",
        )
    return [
        _View(
            index,
            track_id,
            proposal,
            # Attention cannot do without a conditioning frame, so a new track starts with one.
            conditioning=track_id in plan.conditioning or track_id not in state.objects,
        )
        for track_id, proposal in latest.items()
        if track_id in plan.write or (proposal.prompted and track_id not in state.objects)
    ]


def _shared(frames: Sequence[FrameFeatures]) -> Sequence[FrameFeatures]:
    """One element where all objects are on the same frame, so that it is broadcast."""
    return frames[:1] if all(frame is frames[0] for frame in frames) else frames


def _check_open(states: Sequence[SamState]) -> None:
    if any(state.closed for state in states):
        raise ModelError(
            "a state was used after it was closed; get a new one with open()", code="closed_state"
        )


def batch_size(network: Network) -> int:
    """Choose how many objects share a batch.

    Many on a GPU; on a CPU larger batches gain nothing and cost memory.
    """
    area = (network.image_size / 1024) ** 2
    if network.device.type == "cpu":
        return 4 if area <= 0.1 else 1
    return max(8, min(64, int(16 / area)))
