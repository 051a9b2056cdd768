"""Colours and palettes by the names that specifications use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import supervision as sv

from trackwire.specs import BlockError, nearest

__all__ = ["find_color", "find_palette"]

_TRIPLE: Final = re.compile(
    r"(rgb|bgr)\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)", re.IGNORECASE
)
_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_NAMED: Final = ("BLACK", "WHITE", "RED", "GREEN", "BLUE", "YELLOW", "ROBOFLOW")
_BUILT_IN: Final = ("DEFAULT", "ROBOFLOW", "LEGACY")


def find_color(text: str) -> sv.Color:
    """Find a colour.

    Args:
        text: ``#FF8800``, ``#F80``, ``rgb(255, 136, 0)``, ``bgr(0, 136, 255)`` or a name such as
            ``WHITE``.

    Returns:
        The colour.

    Raises:
        BlockError: The text is no colour.
    """
    if _HEX.fullmatch(text):
        return sv.Color.from_hex(text)
    triple = _TRIPLE.fullmatch(text.strip())
    if triple is not None:
        values = tuple(int(value) for value in triple.groups()[1:])
        if max(values) <= 255:
            red, green, blue = values if triple[1].lower() == "rgb" else values[::-1]
            return sv.Color(red, green, blue)
    if text.upper() in _NAMED:
        color: sv.Color = getattr(sv.Color, text.upper())
        return color
    raise BlockError(
        f"{text!r} is no colour; allowed are #RRGGBB, rgb(r, g, b), bgr(b, g, r) with values "
        f"0-255, and {', '.join(_NAMED)}",
        code="unknown_color",
    )


def find_palette(name: str, size: int, custom: Sequence[str]) -> sv.ColorPalette:
    """Find a palette.

    Args:
        name: ``DEFAULT``, ``ROBOFLOW``, ``LEGACY``, ``CUSTOM`` or ``Matplotlib <colour map>``.
        size: Number of colours to take from a colour map.
        custom: The colours of ``CUSTOM``.

    Returns:
        The palette.

    Raises:
        BlockError: There is no such palette, or ``CUSTOM`` has no colours.
    """
    if name == "CUSTOM":
        if not custom:
            raise BlockError(
                "color_palette is CUSTOM, but custom_colors is empty; give at least one colour",
                code="empty_palette",
            )
        return sv.ColorPalette([find_color(color) for color in custom])
    if name in _BUILT_IN:
        palette: sv.ColorPalette = getattr(sv.ColorPalette, name)
        return palette
    prefix, _, wanted = name.partition(" ")
    if prefix == "Matplotlib":
        from matplotlib import colormaps

        maps = {known.lower(): known for known in colormaps}
        if wanted.lower() in maps:
            return sv.ColorPalette.from_matplotlib(maps[wanted.lower()], size)
        close = nearest(wanted, maps.values(), limit=1)
        hint = f"did you mean Matplotlib {close[0]}? " if close else ""
        raise BlockError(
            f"Matplotlib has no colour map {wanted!r}; {hint}Its colour maps are listed by "
            "python -c 'import matplotlib; print(list(matplotlib.colormaps))'",
            code="unknown_palette",
        )
    raise BlockError(
        f"{name!r} is no palette; allowed are CUSTOM, {', '.join(_BUILT_IN)} and "
        "Matplotlib followed by the name of a colour map",
        code="unknown_palette",
    )
