"""The thresholds of the identity rules, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["IdentityOptions"]


@dataclass(frozen=True, slots=True)
class IdentityOptions:
    """Every threshold of the identity rules. Overlaps and scores are 0-1, spans are in frames.

    The defaults take the user's boxes at their word: nothing is cut or suppressed unless asked.

    Args:
        min_prompt_confidence: Rule 2: detections below are not looked at.
        prompt_nms_iou: Rule 2: of two boxes of one class that overlap more, the less confident
            is not looked at. None keeps all.
        class_agnostic: Let a track match a detection of another class like one of its own, and
            take its class at once.
        match_iou: Rule 3: least box overlap of a detection with a visible track.
        match_mask_iou: Rule 3: the same for masks, where detections have them.
        other_class_iou: Rule 3: least overlap, seen or expected, at which a detection of another
            class continues a track that nothing else of its class continues.
        class_weight: Rules 3 and 4: what the same class weighs against overlaps where another one
            is possible; less for a track whose detections have changed their class of late.
        class_after: Rule 3: detections in a row of other classes until a track takes the last
            one's, so that it does not change its class with each slip of a detector.
        motion_iou: Rule 3: least overlap with the box expected from the track's detections, for
            a detection that its mask does not reach.
        motion_within: Rule 3: frames since its last detection that a box can be expected.
        recover_iou: Rule 4: least sum of the overlaps with a stray track.
        recover_within: Rule 4: frames that a track may have been lost to be looked for where it
            was.
        reappear_likeness: Rule 1: a track that the model sees again in something less similar to
            its look is not taken for seen, and waits for a detection. 0 leaves this out.
        look_weight: Rules 3 and 4: what a look that speaks for a track weighs against overlaps; 0
            leaves looks out.
        found_likeness: Rule 4: least similarity of looks at which a detection is a lost track by
            its look alone. 1 leaves this out.
        found_margin: Rule 4: by how much it must look more like it than like any other.
        found_within: Rules 4 and 8: frames that the look of a lost track is kept.
        reprompt: Rule 5: ``needed``, or ``always`` to prompt the model with every match.
        min_mask_score: Rules 5, 8, 9: a mask that scores lower is not trusted. It is put out all
            the same, with its score.
        reprompt_iou: Rule 5: a match that overlaps less corrects the mask.
        reprompt_pause: Rule 5: frames between two corrections of a mask that reaches its
            detection; what the last one did not better, the next frame will not.
        refresh_iou: Rule 5: a match that overlaps at least as much may confirm the mask.
        refresh_every: Rule 5: frames between two such confirmations.
        birth_confidence: Rule 6: least confidence of a detection that becomes a track.
        birth_uncovered: Rule 6: least part of the box that no visible mask covers.
        birth_max_iou: Rule 6: a box that overlaps a visible track's as much is not born.
        blocking_prompts: Rule 6: prompt frames in a row on which nothing matched until a mask does
            not stand in the way of births any more: it is hardly on an object.
        max_objects: Rule 6: tracks of one session at a time.
        duplicate_iou: Rule 7: mask overlap at which two tracks are on one object.
        duplicate_frames: Rule 7: frames in a row until the younger goes.
        lost_after: Rule 8: frames in a row not visible until the model forgets a track; it ends
            then if its look is not known, else after ``found_within``.
        unmatched_prompts: Rule 8: prompt frames in a row on which nothing matched until a track
            ends whose mask scores low; and
        unmatched_span: Rule 8: frames that these prompt frames must span at least, so that
            frequent prompts do not end a track in the blink of an eye.
        unconfirmed_after: Rule 8: the same for a track whose mask scores well, over twice as many
            prompt frames; a mask that slid on to the background is as sure of itself as any.
            None for never.

    Raises:
        ValueError: A fraction is not in 0-1 or a count is below its minimum.
    """

    min_prompt_confidence: float = 0.0
    prompt_nms_iou: float | None = None
    class_agnostic: bool = False
    match_iou: float = 0.3
    match_mask_iou: float = 0.5
    other_class_iou: float = 0.5
    class_weight: float = 0.25
    class_after: int = 3
    motion_iou: float = 0.4
    motion_within: int = 30
    recover_iou: float = 0.3
    recover_within: int = 90
    reappear_likeness: float = 0.4
    look_weight: float = 0.3
    found_likeness: float = 0.7
    found_margin: float = 0.05
    found_within: int = 300
    reprompt: Literal["needed", "always"] = "needed"
    min_mask_score: float = 0.5
    reprompt_iou: float = 0.5
    reprompt_pause: int = 5
    refresh_iou: float = 0.8
    refresh_every: int = 16
    birth_confidence: float = 0.0
    birth_uncovered: float = 0.7
    birth_max_iou: float = 0.3
    blocking_prompts: int = 2
    max_objects: int = 64
    duplicate_iou: float = 0.7
    duplicate_frames: int = 3
    lost_after: int = 90
    unmatched_prompts: int = 3
    unmatched_span: int = 30
    unconfirmed_after: int | None = 300

    def __post_init__(self) -> None:
        for name in _FRACTIONS:
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be from 0 to 1, found {value}")
        for name, least in _COUNTS.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, found {value}")


_FRACTIONS = (
    "min_prompt_confidence",
    "prompt_nms_iou",
    "match_iou",
    "match_mask_iou",
    "other_class_iou",
    "class_weight",
    "motion_iou",
    "recover_iou",
    "reappear_likeness",
    "look_weight",
    "found_likeness",
    "found_margin",
    "min_mask_score",
    "reprompt_iou",
    "refresh_iou",
    "birth_confidence",
    "birth_uncovered",
    "birth_max_iou",
    "duplicate_iou",
)
_COUNTS = {
    "motion_within": 0,
    "class_after": 1,
    "reprompt_pause": 0,
    "recover_within": 0,
    "found_within": 0,
    "refresh_every": 1,
    "blocking_prompts": 1,
    "max_objects": 1,
    "duplicate_frames": 1,
    "lost_after": 1,
    "unmatched_prompts": 1,
    "unmatched_span": 0,
    "unconfirmed_after": 1,
}
