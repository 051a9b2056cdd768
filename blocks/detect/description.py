"""The description beside a detector's file, and the names of its classes."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trackwire.specs import ModelError, nearest

from .letterbox import ColorOrder, Placement, Resampling
from .reading import Layout

__all__ = ["OnnxDescription", "names_in_metadata", "read_description", "read_names"]

_Side = Annotated[int, Field(ge=1, le=8192)]
_Level = Annotated[int, Field(ge=0, le=255)]


class OnnxDescription(BaseModel):
    """What a detector's file does not tell by itself; all of it may be left out.

    Args:
        layout: How the outputs are read.
        input_size: Width and height of the input, pixels; needed where the graph takes any.
        color: Order of the channels.
        scale: Factor for the 0-255 of a pixel.
        mean: Subtracted after that, one value for each channel in the order of ``color``.
        std: Divided by after that, likewise.
        fit: ``center``, ``corner`` (padding right and below) or ``stretch``.
        margin: Pixels by which the picture stays smaller than the input.
        pad_value: Grey level of the padding.
        resize: Filter.
        class_names: Names in the order of the ids, or by id, or the path of a file that holds one
            in each line; a relative one starts at the description.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layout: Layout | None = None
    input_size: tuple[_Side, _Side] | None = None
    color: ColorOrder | None = None
    scale: float | None = Field(default=None, gt=0)
    mean: tuple[float, float, float] | None = None
    std: (
        tuple[
            Annotated[float, Field(gt=0)],
            Annotated[float, Field(gt=0)],
            Annotated[float, Field(gt=0)],
        ]
        | None
    ) = None
    fit: Placement | None = None
    margin: int | None = Field(default=None, ge=0)
    pad_value: _Level | None = None
    resize: Resampling | None = None
    class_names: list[str] | dict[int, str] | str | None = None

    def preparation(self) -> dict[str, Any]:
        """Return what it says about preparing pictures, without what it leaves out."""
        kept = self.model_dump(exclude={"layout", "input_size", "class_names"}, exclude_none=True)
        return dict(kept)


def read_description(model: Path, given: Path | None = None) -> OnnxDescription:
    """Read the description of a model.

    Args:
        model: The model's file. Without ``given`` the description is the file of the same name
            that ends in ``.json``, if there is one.
        given: File of the description.

    Returns:
        The description, with ``class_names`` read if it names a file; an empty one if there is
        none.

    Raises:
        ModelError: The file cannot be read, or says what no description may say.
    """
    path = model.with_suffix(".json") if given is None else given
    if given is None and not path.is_file():
        return OnnxDescription()
    try:
        description = OnnxDescription.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        raise _refused(path, _explain(error)) from error
    except (OSError, ValueError) as error:
        raise _refused(path, f"{error}; it must be a JSON object") from error
    if isinstance(description.class_names, str):
        names = read_names(path.parent / Path(description.class_names).expanduser())
        description = description.model_copy(update={"class_names": names})
    return description


def read_names(path: Path) -> list[str]:
    """Read names of classes, one in each line, in the order of the ids.

    Args:
        path: The file, UTF-8. Empty lines at its end do not count.

    Raises:
        ModelError: The file cannot be read, or holds no names.
    """
    try:
        lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, f"{error}; it must hold one class name in each line") from error
    if not lines:
        raise _refused(path, "is empty; it must hold one class name in each line")
    return [line.strip() for line in lines]


def names_in_metadata(metadata: Mapping[str, str]) -> dict[int, str]:
    """Read the names of classes that a graph carries.

    Args:
        metadata: Of the graph. ``names`` holds a dictionary or list, written in Python or JSON.

    Returns:
        Names by id; empty if there are none or they are not well formed.
    """
    text = metadata.get("names", "")
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {}
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(str(key).isdigit() for key in names):
        return {}
    return {int(key): str(name) for key, name in names.items()}


def _explain(error: ValidationError) -> str:
    """What is wrong with the first wrong entry, what was found, and what is allowed."""
    first = error.errors()[0]
    # Of an entry that may have several forms the form that was tried stands there as well.
    place = ".".join(str(each) for each in first["loc"] if "[" not in str(each)) or "the file"
    entries = ", ".join(OnnxDescription.model_fields)
    if first["type"] == "extra_forbidden":
        near = nearest(place, OnnxDescription.model_fields, limit=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        return f"there is no entry {place!r}; {meant}Allowed are {entries}"
    why = f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}, found {first['input']!r}"
    return why if first["loc"] else f"{why}; it may hold {entries}"


def _refused(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path} does not describe a detector: {what}",
        code="detector_description",
        path=str(path),
    )
