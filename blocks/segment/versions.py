"""The names that other programs have for SAM 2 models."""

from __future__ import annotations

from typing import Final

__all__ = ["HIERA_VERSIONS", "catalog_id"]

HIERA_VERSIONS: Final = {
    "hiera_tiny": "sam2video/tiny",
    "hiera_small": "sam2video/small",
    "hiera_b_plus": "sam2video/base-plus",
    "hiera_large": "sam2video/large",
}
"""Ids of the catalog by version; the weights of one checkpoint serve pictures and video."""

_FAMILY: Final = "sam2/"


def catalog_id(name: str) -> str:
    """Tell which model of the catalog a name means.

    Args:
        name: A version, with ``sam2/`` in front of it or without, with an input size behind it
            or without; any other id is taken as one of the catalog.

    Example:
        >>> catalog_id("sam2/hiera_large"), catalog_id("hiera_tiny@512"), catalog_id("lite")
        ('sam2video/large', 'sam2video/tiny@512', 'lite')
    """
    version, at, size = name.strip().removeprefix(_FAMILY).partition("@")
    known = HIERA_VERSIONS.get(version)
    return name if known is None else f"{known}{at}{size}"
