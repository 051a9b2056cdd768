"""The concept model: a detector by phrases and a tracker with memory, on one image encoder.

The networks are those of ``transformers``. Detection runs for all phrases and streams of a call in
batches, and so do memory attention, decoder and memory encoder for all objects. Each object has a
memory of fixed size, and objects that nothing speaks for any more end, so a state does not grow
with the number of frames. The library's own session keeps every view of every object and never ends
one when frames come one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trackwire.specs import ModelError

from ..concept_seam import ConceptProposal, ConceptQuery
from ..sam_video.attention import attend, batches
from ..sam_video.memory import MemoryLayout, ObjectMemory
from ..sam_video.model import batch_size
from ..sam_video.network import Decoded
from .detector import Detected, detect, together
from .features import ConceptFeatures, Encoder
from .memory_views import MemoryWriter
from .phrases import PhraseBook
from .planner import Planner
from .proposal import Followed, Sam3Proposal, Writing
from .rules import TrackNote
from .thresholds import Thresholds

if TYPE_CHECKING:
    import torch

    from ...frame import Frame

__all__ = ["Sam3ConceptModel", "Sam3ConceptState"]


@dataclass(slots=True)
class Sam3ConceptState:
    """What one session remembers. Made by ``open``, written by ``remember`` only.

    Args:
        objects: Memory of each track, in order of birth.
        notes: What else is known of each, same order.
        frames: Frames seen so far.
        closed: Whether the state was freed.
    """

    objects: dict[int, ObjectMemory] = field(default_factory=dict)
    notes: dict[int, TrackNote] = field(default_factory=dict)
    frames: int = 0
    closed: bool = False


class Sam3ConceptModel:
    """SAM 3 by phrases, behind the seam of the concept tracker.

    Args:
        module: ``Sam3VideoModel`` of the library, in evaluation mode, on its device; it belongs to
            this object from now on.
        tokenizer: The tokenizer that lies beside the weights.
        max_conditioning: Conditioning frames kept per object: the first and the newest.
        batch: Largest batch of objects, or None to choose by device.
        detector_batch: Largest batch of pairs of frame and phrase, likewise.
        as_library: Do as the library's session does when frames come one by one: no track ends;
            on a frame with births the memory takes the masks of all tracks as certain, and as
            decoded, before overlaps were resolved; and the age of pointers is measured against
            the frames there were so far until there are enough. All three are side effects of
            how it is written; this is for comparisons.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        *,
        max_conditioning: int = 4,
        batch: int | None = None,
        detector_batch: int | None = None,
        as_library: bool = False,
    ) -> None:
        if min(max_conditioning, batch or 1, detector_batch or 1) < 1:
            raise ModelError(
                "max_conditioning, batch and detector_batch must be at least 1, found "
                f"{max_conditioning}, {batch} and {detector_batch}",
                code="model_option",
            )
        self.encoder = Encoder(module)
        self.network = network = self.encoder.network
        self.thresholds = Thresholds.of(module.config)
        self._detector = module.detector_model
        self._book = PhraseBook(tokenizer, self._detector, network.device)
        self._batch = batch or batch_size(network)
        self._detector_batch = detector_batch or max(self._batch // 8, 1)
        self._as_library = as_library
        self._layout = MemoryLayout.of(network, max_conditioning)
        self._writer = MemoryWriter(network, self._batch, as_library=as_library)
        self._planner = Planner(self.thresholds, ends=not as_library)

    def encode(self, frames: Sequence[Frame]) -> Sequence[ConceptFeatures]:
        """Compute what only depends on the picture, batched over streams.

        Args:
            frames: Frames of any sizes.
        """
        import torch

        features: list[ConceptFeatures] = []
        with torch.inference_mode():
            for start in range(0, len(frames), self._detector_batch):
                features += self.encoder.encode(frames[start : start + self._detector_batch])
        return features

    def open(self) -> Sam3ConceptState:
        """Start an empty state."""
        return Sam3ConceptState()

    def look(
        self,
        states: Sequence[Sam3ConceptState],
        features: Sequence[ConceptFeatures],
        queries: Sequence[ConceptQuery],
    ) -> Sequence[Sam3Proposal]:
        """Find what is asked for on the new frame; the states stay as they are.

        Args:
            states: One for each stream.
            features: Of the current frames.
            queries: What is asked for.

        Raises:
            ModelError: A phrase is too long for the model.
        """
        import torch

        _check_open(states)
        queries = [_as_read(query) for query in queries]
        with torch.inference_mode():
            detected = self._detect(features, queries)
            kept = [_kept(state, query) for state, query in zip(states, queries, strict=True)]
            followed = self._follow(states, features, kept)
            return [
                self._planner.plan(state.notes, state.frames, frame, query, found, tracks)
                for state, frame, query, found, tracks in zip(
                    states, features, queries, detected, followed, strict=True
                )
            ]

    def remember(
        self,
        states: Sequence[Sam3ConceptState],
        features: Sequence[ConceptFeatures],
        seen: Sequence[ConceptProposal],
    ) -> None:
        """Advance the states by what ``look`` proposed for this frame: the only writer.

        All views are encoded before the first is written, so an error leaves every state as it
        was.

        Args:
            states: States to advance.
            features: Of the current frames.
            seen: What ``look`` proposed.

        Raises:
            ModelError: A proposal is of another model.
        """
        import torch

        _check_open(states)
        writings = [_writing_of(proposal) for proposal in seen]
        with torch.inference_mode():
            frames = [each.tracker for each in features]
            views = self._writer.views(frames, writings)
            tokens = self._writer.encode(views)
            born = {
                (view.state, view.track_id): ObjectMemory(self._layout)
                for view in views
                if view.track_id not in states[view.state].objects
            }
            for view, encoded in zip(views, tokens, strict=True):
                objects = states[view.state].objects
                if view.track_id not in objects:
                    objects[view.track_id] = born[view.state, view.track_id]
                objects[view.track_id].write(encoded, view.pointer, conditioning=view.conditioning)
        for state, writing in zip(states, writings, strict=True):
            state.notes = dict(writing.notes)
            for track_id in state.objects.keys() - state.notes.keys():
                del state.objects[track_id]
            state.frames += 1

    def nbytes(self, state: Sam3ConceptState) -> int:
        """Bytes of the state's tensors; fixed per object from its birth."""
        return sum(memory.nbytes for memory in state.objects.values())

    def close(self, state: Sam3ConceptState) -> None:
        """Free what the state holds; it must not be used again."""
        state.objects.clear()
        state.notes.clear()
        state.closed = True

    def _detect(
        self, features: Sequence[ConceptFeatures], queries: Sequence[ConceptQuery]
    ) -> list[Detected]:
        """What the phrases of each stream name on its frame."""
        asked = [
            (frame, self._book.read(phrase))
            for frame, query in zip(features, queries, strict=True)
            for phrase in query.phrases
        ]
        found = iter(
            detect(
                self._detector,
                [frame for frame, _ in asked],
                [phrase for _, phrase in asked],
                self.thresholds,
                self._detector_batch,
            )
        )
        like = self._nothing()
        return [together([next(found) for _ in query.phrases], like) for query in queries]

    def _nothing(self) -> torch.Tensor:
        import torch

        return torch.zeros((0, *self.network.low_res_hw), device=self.network.device)

    def _follow(
        self,
        states: Sequence[Sam3ConceptState],
        features: Sequence[ConceptFeatures],
        kept: Sequence[Sequence[int]],
    ) -> list[Followed]:
        """Let the tracker find the tracks of all streams, in batches of equal memory."""
        network = self.network
        items = [(number, track) for number, tracks in enumerate(kept) for track in tracks]
        memories = [states[number].objects[track] for number, track in items]
        recalls = [memory.recall() for memory in memories]
        farthest = network.config.max_object_pointers_in_encoder - 1
        rows: dict[int, tuple[Decoded, int]] = {}
        for _, places in batches([recall.lengths for recall in recalls], self._batch):
            frames = [features[items[place][0]].tracker for place in places]
            spans = [min(states[items[place][0]].frames, farthest) for place in places]
            top = attend(
                network,
                frames,
                [memories[place] for place in places],
                [recalls[place] for place in places],
                spans=spans if self._as_library else None,
            )
            decoded = network.decode(frames, top, None, None)
            rows.update((place, (decoded, row)) for row, place in enumerate(places))
        found, start = [], 0
        for tracks in kept:
            own = [rows[place] for place in range(start, start + len(tracks))]
            start += len(tracks)
            found.append(self._followed(tracks, own))
        return found

    def _followed(self, tracks: Sequence[int], rows: Sequence[tuple[Decoded, int]]) -> Followed:
        """Gather rows of decoded batches for one stream."""
        import torch

        if rows:
            low_res = torch.stack([decoded.low_res[row] for decoded, row in rows])
            pointer = torch.stack([decoded.pointer[row] for decoded, row in rows])
            logit = torch.stack([decoded.object_logit[row] for decoded, row in rows])
            iou = torch.stack([decoded.iou[row] for decoded, row in rows])
        else:
            device = self.network.device
            low_res, pointer = (
                self._nothing(),
                torch.zeros((0, self.network.channels), device=device),
            )
            logit = iou = torch.zeros(0, device=device)
        raw: NDArray[np.float32] = torch.stack([logit, iou]).cpu().numpy()
        return Followed(tuple(tracks), low_res, pointer, logit, raw[0], raw[1])


def _as_read(query: ConceptQuery) -> ConceptQuery:
    """In lower case, as the tokenizer reads: a phrase that is spelled otherwise is no other one."""
    return replace(query, phrases=tuple(phrase.lower() for phrase in query.phrases))


def _kept(state: Sam3ConceptState, query: ConceptQuery) -> list[int]:
    """The tracks that are still asked for."""
    return [
        track
        for track, note in state.notes.items()
        if note.phrase in query.phrases and track not in query.without
    ]


def _writing_of(proposal: ConceptProposal) -> Writing:
    if not isinstance(proposal, Sam3Proposal):
        raise ModelError(
            f"a proposal of another model was accepted, a {type(proposal).__name__}; pass on what "
            "look() of this model returns",
            code="foreign_proposal",
        )
    return proposal.writing


def _check_open(states: Sequence[Sam3ConceptState]) -> None:
    if any(state.closed for state in states):
        raise ModelError(
            "a state was used after it was closed; get a new one with open()", code="closed_state"
        )
