"""Operations on texts, numbers, lists and pictures."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..frame import Frame
from .column import as_list, each, shown

__all__ = ["Operation", "PlainOperation", "PlainValue"]

_Scalar: TypeAlias = str | int | float | bool | None
_List: TypeAlias = list[_Scalar | list[_Scalar | list[_Scalar]]]
PlainValue: TypeAlias = _Scalar | _List | dict[str, _Scalar | _List]
"""A value written out in a statement. It takes no selectors: those go into parameters."""


class Operation(BaseModel):
    """Base of all operations: takes a value, gives another."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    per_value: ClassVar[bool] = True
    """Whether a column is worked on value by value; else the operation takes it as a whole."""

    type: Any

    def apply(self, value: Any, scope: Mapping[str, Any]) -> Any:
        """Work on a value.

        Args:
            value: What the operation before has given.
            scope: Parameters by name.

        Returns:
            The result.

        Raises:
            QueryError: A statement within cannot work with the value.
            TypeError: The operation takes no value of this type.
            ValueError: The value is of the right type but does not fit.
        """
        return each(value, self._change) if self.per_value else self._change(value)

    def _change(self, value: Any) -> Any:
        """Work on one value; the part that each operation has of its own."""
        raise NotImplementedError(type(self).__name__)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is needed, found {shown(value)}")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a number is needed, found {shown(value)}")
    return value


class StringToLowerCase(Operation):
    """A text in lower case."""

    type: Literal["StringToLowerCase"]

    def _change(self, value: Any) -> str:
        return _text(value).lower()


class StringToUpperCase(Operation):
    """A text in upper case."""

    type: Literal["StringToUpperCase"]

    def _change(self, value: Any) -> str:
        return _text(value).upper()


class StringSubSequence(Operation):
    """A part of a text, from ``start`` up to but without ``end``."""

    type: Literal["StringSubSequence"]
    start: int = 0
    end: int = -1

    def _change(self, value: Any) -> str:
        return _text(value)[self.start : self.end]


class StringMatches(Operation):
    """Whether a regular expression is found in a text."""

    type: Literal["StringMatches"]
    regex: str

    @field_validator("regex")
    @classmethod
    def _compiles(cls, regex: str) -> str:
        try:
            re.compile(regex)
        except re.error as error:
            raise ValueError(f"{regex!r} is no regular expression: {error}") from error
        return regex

    def _change(self, value: Any) -> bool:
        return re.search(self.regex, _text(value)) is not None


class ToString(Operation):
    """Any value as a text."""

    type: Literal["ToString"]

    def _change(self, value: Any) -> str:
        return str(value)


class ToNumber(Operation):
    """A text, number or boolean as a number; ``int`` cuts decimals off."""

    type: Literal["ToNumber"]
    cast_to: Literal["int", "float"]

    def _change(self, value: Any) -> int | float:
        number = float(value)
        return int(number) if self.cast_to == "int" else number


class ToBoolean(Operation):
    """Whether a number is not zero, or a text says yes."""

    type: Literal["ToBoolean"]

    def _change(self, value: Any) -> bool:
        if isinstance(value, str):
            return value.strip().casefold() in ("true", "yes", "1", "on")
        return bool(_number(value) if not isinstance(value, bool) else value)


class NumberRound(Operation):
    """A number rounded to decimals."""

    type: Literal["NumberRound"]
    decimal_digits: int

    def _change(self, value: Any) -> Any:
        return round(_number(value), self.decimal_digits)


class Multiply(Operation):
    """A number times another."""

    type: Literal["Multiply"]
    other: int | float

    def _change(self, value: Any) -> Any:
        return _number(value) * self.other


class Divide(Operation):
    """A number divided by another, which is not zero."""

    type: Literal["Divide"]
    other: int | float

    @field_validator("other")
    @classmethod
    def _not_zero(cls, other: float) -> float:
        if other == 0:
            raise ValueError("a number cannot be divided by 0")
        return other

    def _change(self, value: Any) -> float:
        quotient: float = _number(value) / self.other
        return quotient


class RandomNumber(Operation):
    """A random number, whatever the value: for samples."""

    type: Literal["RandomNumber"]
    min_value: float = 0.0
    max_value: float = 1.0

    def _change(self, value: Any) -> float:
        return random.uniform(self.min_value, self.max_value)  # noqa: S311 - picks samples


class LookupTable(Operation):
    """The value that a table gives for a value.

    The keys of a table in JSON are texts, so a number is looked up as the text it is written as.
    """

    type: Literal["LookupTable"]
    lookup_table: dict[str, PlainValue]

    def _change(self, value: Any) -> Any:
        return _look_up(self.lookup_table, value)


class SequenceMap(Operation):
    """The values that a table gives for those of a list."""

    type: Literal["SequenceMap"]
    lookup_table: dict[str, PlainValue]

    def _change(self, value: Any) -> list[Any]:
        return [_look_up(self.lookup_table, one) for one in as_list(value)]


def _look_up(table: Mapping[str, Any], value: Any) -> Any:
    if str(value) not in table:
        raise ValueError(f"the table has no {value!r}; it has {', '.join(table) or 'nothing'}")
    return table[str(value)]


class NumericSequenceAggregate(Operation):
    """The least, the greatest or the sum of a list; ``neutral_value`` for an empty one."""

    type: Literal["NumericSequenceAggregate"]
    function: Literal["min", "max", "sum"]
    neutral_value: PlainValue = None

    def _change(self, value: Any) -> Any:
        numbers = [_number(one) for one in as_list(value)]
        if not numbers:
            return self.neutral_value
        if self.function == "sum":
            return sum(numbers)
        return min(numbers) if self.function == "min" else max(numbers)


class SequenceAggregate(Operation):
    """The first, last, most or least frequent value of a list that is not empty."""

    type: Literal["SequenceAggregate"]
    mode: Literal["first", "last", "most_common", "least_common"]

    def _change(self, value: Any) -> Any:
        values = as_list(value)
        if not values:
            raise ValueError("an empty list has nothing to pick; test its length before")
        if self.mode in ("first", "last"):
            return values[0 if self.mode == "first" else -1]
        counted = Counter(values).most_common()
        return counted[0 if self.mode == "most_common" else -1][0]


class SequenceLength(Operation):
    """How many values a list, an object or detections hold."""

    type: Literal["SequenceLength"]

    def _change(self, value: Any) -> int:
        return len(value)


class SequenceElementsCount(Operation):
    """How often each value of a list occurs, by the value as text."""

    type: Literal["SequenceElementsCount"]

    def _change(self, value: Any) -> dict[str, int]:
        return dict(Counter(str(one) for one in as_list(value)))


class ConvertDictionaryToJSON(Operation):
    """An object as JSON text."""

    type: Literal["ConvertDictionaryToJSON"]

    def _change(self, value: Any) -> str:
        if not isinstance(value, Mapping):
            raise TypeError(f"an object is needed, found {shown(value)}")
        return json.dumps(dict(value), allow_nan=False)


def _picture(value: Any) -> Frame:
    if not isinstance(value, Frame):
        raise TypeError(f"an image is needed, found {shown(value)}")
    return value


def _jpeg(value: Any, quality: int) -> bytes:
    import cv2

    _, encoded = cv2.imencode(".jpg", _picture(value).image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


class ExtractImageProperty(Operation):
    """Width, height, number of pixels, or width by height, of an image."""

    type: Literal["ExtractImageProperty"]
    property_name: Literal["size", "height", "width", "aspect_ratio"]

    def _change(self, value: Any) -> int | float:
        width, height = _picture(value).size_wh
        if self.property_name == "aspect_ratio":
            return width / height
        return {"size": width * height, "height": height, "width": width}[self.property_name]


class ConvertImageToJPEG(Operation):
    """An image as the bytes of a JPEG file."""

    type: Literal["ConvertImageToJPEG"]
    compression_level: int = Field(default=95, ge=1, le=100)

    def _change(self, value: Any) -> bytes:
        return _jpeg(value, self.compression_level)


class ConvertImageToBase64(Operation):
    """An image as a JPEG file in base64."""

    type: Literal["ConvertImageToBase64"]

    def _change(self, value: Any) -> str:
        return b64encode(_jpeg(value, 95)).decode("ascii")


PlainOperation: TypeAlias = (
    StringToLowerCase
    | StringToUpperCase
    | StringSubSequence
    | StringMatches
    | ToString
    | ToNumber
    | ToBoolean
    | NumberRound
    | Multiply
    | Divide
    | RandomNumber
    | LookupTable
    | SequenceMap
    | NumericSequenceAggregate
    | SequenceAggregate
    | SequenceLength
    | SequenceElementsCount
    | ConvertDictionaryToJSON
    | ExtractImageProperty
    | ConvertImageToJPEG
    | ConvertImageToBase64
)
