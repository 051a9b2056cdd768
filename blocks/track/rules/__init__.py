"""Which object is which: the rules that carry identities through prompts, as pure functions.

On a frame they run in this order. Rules 2 to 6 need a prompt frame.

1. The model propagates all tracks; the rules only read what it proposes.
2. :func:`ignore_reasons`: an optional cut by confidence, an optional class-wise suppression.
3. :func:`weigh`, :func:`favour_class`, :func:`match`: detections against tracks, best total overlap
   with the mask and with the box expected from the detections before, above a gate. A mask that
   slid on to something else does not take the identity along.
4. :func:`weigh_strays`, :func:`match`: what is left against tracks lately lost, or seen where
   nothing was detected: by their last box, by the box expected, by what is still seen of them;
   :func:`recognise`: by their look alone.
5. :func:`prompt_reasons`: a matched track keeps its memory; the model only hears of the detection
   if the mask has become doubtful, or has been good for long enough to be confirmed.
6. :func:`choose_births`: a detection that is no track is born unless it lies on one.
7. :func:`count_twins`: of two tracks on one object the younger goes.
8. :func:`end_reasons`: a track ends when it was not seen, or not confirmed, for too long.
9. :func:`memory_reasons`: what is not seen, or not trusted, stays out of memory.
10. :class:`IdCounter`: ids rise and are never reused.

All thresholds are fields of :class:`~..identity_options.IdentityOptions`. Where a rule says yes or
no to each of many, it returns reasons: an array of short codes, empty where it does not apply.
"""

from .birth import BirthChoice, choose_births
from .ending import end_reasons
from .ids import IdCounter
from .pairing import (
    Signs,
    best_other,
    favour_class,
    match,
    misnamed,
    recognise,
    same_class,
    weigh,
    weigh_strays,
)
from .prompting import prompt_reasons
from .remembering import memory_reasons, plan_memory
from .selection import ignore_reasons
from .twins import Twins, count_twins

__all__ = [
    "BirthChoice",
    "IdCounter",
    "Signs",
    "Twins",
    "best_other",
    "choose_births",
    "count_twins",
    "end_reasons",
    "favour_class",
    "ignore_reasons",
    "match",
    "memory_reasons",
    "misnamed",
    "plan_memory",
    "prompt_reasons",
    "recognise",
    "same_class",
    "weigh",
    "weigh_strays",
]
