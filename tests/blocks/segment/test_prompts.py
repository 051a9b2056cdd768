"""Prompts as people and HTTP bodies write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trackwire.blocks import Sam2PromptSet
from trackwire.blocks.segment.labeled_points import PointsFormatError, read_objects
from trackwire.blocks.segment.prompts import Box, Point, Sam2Prompt

POINT = {"x": 250, "y": 800, "positive": False}
PROMPT = {"points": [POINT]}
ONE = Sam2PromptSet(prompts=(Sam2Prompt(points=(Point(x=250, y=800, positive=False),)),))
FEW = st.integers(0, 3)
PROMPTS = st.builds(
    Sam2Prompt,
    box=st.none() | st.builds(Box, x=FEW, y=FEW, width=FEW, height=FEW),
    points=st.none()
    | st.lists(st.builds(Point, x=FEW, y=FEW, positive=st.booleans()), max_size=3).map(tuple),
)
SETS = st.builds(Sam2PromptSet, prompts=st.none() | st.lists(PROMPTS, max_size=3).map(tuple))


@pytest.mark.parametrize(
    "body",
    [
        {"prompts": [PROMPT]},
        [PROMPT],
        PROMPT,
        {"prompts": PROMPT},
        {"prompts": {"prompts": [PROMPT]}},
        {"points": [[250, 800, 0]]},
        Sam2Prompt.model_validate(PROMPT),
        [Sam2Prompt.model_validate(PROMPT)],
        ONE,
    ],
)
def test_a_set_is_written_in_several_ways(body: Any) -> None:
    """A whole set, a flat list and a single prompt mean the same."""
    assert Sam2PromptSet.model_validate(body) == ONE


@pytest.mark.parametrize("body", [None, {}, [], {"prompts": None}, {"prompts": []}])
def test_no_prompts_are_no_prompts(body: Any) -> None:
    """However nothing is said, it is the same nothing."""
    assert Sam2PromptSet.model_validate(body) == Sam2PromptSet()
    assert len(Sam2PromptSet.model_validate(body)) == 0


def test_boxes_are_written_by_their_centre() -> None:
    """``x`` and ``y`` are the centre of a box, not its corner."""
    assert Box(x=120, y=90, width=60, height=40).xyxy == (90, 70, 150, 110)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([{"point": []}], "point"),
        ([{"points": [{"x": 1, "y": 2, "postive": False}]}], "postive"),
        ([{"points": [{"x": 1}]}], "y"),
        ([{"points": [{"x": "nan", "y": 1}]}], "x"),
        ([{"box": {"x": 1, "y": 1, "width": -2, "height": 2}}], "width"),
        ("all", "Sam2PromptSet"),
    ],
)
def test_a_typo_is_refused(body: Any, place: str) -> None:
    """What is not understood is not left out: it would give another mask without a word."""
    with pytest.raises(ValidationError, match=place):
        Sam2PromptSet.model_validate(body)


def test_a_set_that_adds_points_goes_on_from_the_earlier_one() -> None:
    """Each prompt finds the one that it adds to, whatever the order; others begin anew."""
    first = Sam2PromptSet.model_validate([{"points": [[1, 1]]}, {"points": [[9, 9]]}])
    more = Sam2PromptSet.model_validate(
        [{"points": [[9, 9], [8, 8, False]]}, {"points": [[1, 1]]}, {"points": [[5, 5]]}]
    )
    assert more.origins(first) == (1, None, None)
    assert first.origins(more) is None
    assert ONE.origins(Sam2PromptSet()) == (0,)
    assert first.origins(Sam2PromptSet()) is None, "nothing says which of two it would be"


@given(SETS, SETS)
def test_origins_are_prompts_that_say_less(new: Sam2PromptSet, old: Sam2PromptSet) -> None:
    """Each origin is taken once, says less than its prompt, and nothing of it is lost."""
    origins = new.origins(old)
    assert new.origins(new) is None
    if origins is None:
        return
    taken = [origin for origin in origins if origin is not None]
    assert taken
    assert len(origins) == len(new.as_prompts())
    assert len(set(taken)) == len(taken)
    for prompt, origin in zip(new.as_prompts(), origins, strict=True):
        if origin is not None:
            assert prompt.extends(old.as_prompts()[origin])
            assert prompt.size > old.as_prompts()[origin].size


@given(SETS, st.data())
def test_an_extended_set_is_recognised(old: Sam2PromptSet, data: st.DataObject) -> None:
    """Whatever points are added to whichever prompt, the set goes on from the earlier one."""
    prompts = list(old.as_prompts())
    row = data.draw(st.integers(0, len(prompts) - 1))
    added = Point(x=7, y=7, positive=data.draw(st.booleans()))
    points = data.draw(st.permutations([*(prompts[row].points or ()), added]))
    prompts[row] = Sam2Prompt(box=prompts[row].box, points=tuple(points))
    order = data.draw(st.permutations(range(len(prompts))))
    new = Sam2PromptSet(prompts=tuple(prompts[each] for each in order))
    assert new.origins(old) is not None


def test_labeled_points_are_of_one_object_or_of_several() -> None:
    """A list of points is one object, a list of lists one for each; a point has three forms."""
    as_objects = [{"x": 3, "y": 4, "positive": True}, {"x": 5, "y": 6, "positive": False}]
    (one,) = read_objects(as_objects)
    assert read_objects([[3, 4], [5, 6, False]]) == [one]
    assert read_objects([[[3, 4], (5, 6, 0)], [as_objects[0]]]) == [
        one,
        Sam2Prompt(points=(Point(x=3, y=4),)),
    ]
    assert read_objects(None) == read_objects([]) == []


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"x": 1, "y": 2}, "points: found a dict"),
        ([{"x": 1}], r"points\[0\]\.y"),
        ([[[1, 2]], [[1, 2], [3]]], r"points\[1\]\[1\]"),
        ([1, 2], r"points\[0\]"),
        (["left"], r"points\[0\]"),
    ],
)
def test_points_of_another_form_are_named(value: Any, place: str) -> None:
    """The message says where, and what a point looks like."""
    with pytest.raises(PointsFormatError, match=place):
        read_objects(value)
