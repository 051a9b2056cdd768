"""Prompts for single pictures as people and HTTP bodies write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["Box", "Point", "Sam2Prompt", "Sam2PromptSet"]


class _Written(BaseModel):
    """A part of a prompt. A name that is unknown is refused: a typo would go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Box(_Written):
    """A box around an object, by its centre.

    Args:
        x: Column of the centre, pixels.
        y: Row of the centre.
        width: Pixels.
        height: Pixels.
    """

    x: float
    y: float
    width: float = Field(ge=0)
    height: float = Field(ge=0)

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """First column, first row, last column and last row, pixels."""
        half_width, half_height = self.width / 2, self.height / 2
        return (
            self.x - half_width,
            self.y - half_height,
            self.x + half_width,
            self.y + half_height,
        )


class Point(_Written):
    """A point on an object, or off it.

    It may be written as an object, or as a list ``[x, y]`` or ``[x, y, positive]``.

    Args:
        x: Column, pixels.
        y: Row.
        positive: Whether the point is on the object.
    """

    x: float
    y: float
    positive: bool = True

    @model_validator(mode="before")
    @classmethod
    def _take_list(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) in (2, 3):
            return dict(zip(("x", "y", "positive"), value, strict=False))
        return value


class Sam2Prompt(_Written):
    """What asks for one object: a box, points, both, or neither for the most prominent one.

    Args:
        box: A box around it.
        points: Points on it and off it, in any order.
    """

    box: Box | None = None
    points: tuple[Point, ...] | None = None

    def extends(self, other: Sam2Prompt) -> bool:
        """Tell whether everything that another prompt says is said here too."""
        if other.box is not None and other.box != self.box:
            return False
        mine = list(self.points or ())
        for point in other.points or ():
            if point not in mine:
                return False
            mine.remove(point)
        return True

    @property
    def size(self) -> int:
        """Number of points, plus one for a box."""
        return len(self.points or ()) + (self.box is not None)


class Sam2PromptSet(_Written):
    """Prompts for one picture, one for each object.

    A set may be written as an object with the key ``prompts``, as a list of prompts, or as a
    single prompt, which is how bodies of HTTP requests differ:

    - ``{"prompts": [{"points": [{"x": 250, "y": 800, "positive": false}]}]}``
    - ``[{"box": {"x": 120, "y": 90, "width": 60, "height": 40}}]``
    - ``{"points": [{"x": 250, "y": 800}]}``

    Args:
        prompts: The prompts; None or none at all asks for the most prominent object.

    Example:
        >>> prompts = Sam2PromptSet(prompts=[{"points": [{"x": 250, "y": 800, "positive": True}]}])
        >>> prompts.prompts[0].points[0].x
        250.0
    """

    prompts: tuple[Sam2Prompt, ...] | None = None

    if TYPE_CHECKING:

        def __init__(self, prompts: Sequence[Sam2Prompt | Mapping[str, Any]] | None = None) -> None:
            """Take prompts as they are written, which type checkers would not know."""

    @field_validator("prompts")
    @classmethod
    def _none_is_none(cls, value: tuple[Sam2Prompt, ...] | None) -> tuple[Sam2Prompt, ...] | None:
        return value or None

    @model_validator(mode="before")
    @classmethod
    def _take_other_forms(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            inner = value.get("prompts") if "prompts" in value else value
            if isinstance(inner, Mapping):  # one prompt, or a whole set within the set
                whole = "prompts" in inner or (not inner and inner is value)
                inner = inner if whole else {"prompts": [dict(inner)]}
                return {**value, **inner} if "prompts" in value else inner
        elif isinstance(value, Sam2Prompt):
            return {"prompts": [value]}
        elif value is None or isinstance(value, list | tuple):
            return {"prompts": value}
        return value

    def __len__(self) -> int:
        """Number of prompts."""
        return len(self.prompts or ())

    @property
    def size(self) -> int:
        """Number of points and boxes in all prompts."""
        return sum(prompt.size for prompt in self.prompts or ())

    def origins(self, earlier: Sam2PromptSet) -> tuple[int | None, ...] | None:
        """Find the prompts of an earlier set that those of this one go on from.

        Args:
            earlier: A set that was answered before.

        Returns:
            For each prompt of this set the position of the one in ``earlier`` that it says more
            than; None for a new one, and for one that says the same, whose answer is the same.
            None altogether if a prompt of ``earlier`` is not found again, or none says more. A
            prompt that says nothing is only refined by a set of as many prompts.
        """
        from scipy.optimize import linear_sum_assignment

        mine, before = self.as_prompts(), earlier.as_prompts()
        anything = any(old.size == 0 for old in before)
        if len(before) > len(mine) or (anything and len(before) < len(mine)):
            return None
        never = float(1 + self.size) * (1 + len(mine))
        costs = [
            [new.size - old.size if new.extends(old) else never for new in mine] for old in before
        ]
        old_rows, new_rows = linear_sum_assignment(costs)
        found: list[int | None] = [None] * len(mine)
        for old, new in zip(old_rows.tolist(), new_rows.tolist(), strict=True):
            if costs[old][new] == never:
                return None
            if costs[old][new] > 0:
                found[new] = old
        return tuple(found) if any(origin is not None for origin in found) else None

    def as_prompts(self) -> tuple[Sam2Prompt, ...]:
        """Return the prompts, or one that says nothing in the place of none."""
        return self.prompts or (Sam2Prompt(),)
