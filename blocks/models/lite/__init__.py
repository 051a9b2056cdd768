"""The embedded video mask tracker: no download, no torch, one CPU thread.

``LiteModel`` follows objects with a target model learnt online on the features of a small
ImageNet network, behind the same seam as the large models.
"""

from __future__ import annotations

from .model import LiteModel

__all__ = ["LiteModel"]
