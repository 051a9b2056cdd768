"""Ready-made workflows, each a JSON document in this folder.

``track-moving-objects``
    Finds whatever moves, follows it with masks and lasting ids, and draws both.
``track-detections``
    Follows the boxes of a file (parameter ``path``) and draws them.
``detect-and-segment``
    A detector in an ONNX file, and a mask for each object: for pictures as well as video.
``detect-and-track``
    A detector and a Segment Anything tracker, in the language as others write it.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from ..suggest import nearest

__all__ = ["library_names", "load_library"]


def library_names() -> tuple[str, ...]:
    """List the names of the ready-made workflows, sorted."""
    documents = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name[:-5] for name in documents if name.endswith(".json")))


def load_library(name: str) -> dict[str, Any]:
    """Read a ready-made workflow.

    Args:
        name: One of :func:`library_names`.

    Returns:
        The document, the caller's own to change.

    Raises:
        LookupError: There is none of this name; the near ones are named.

    Example:
        >>> document = load_library("track-moving-objects")
        >>> workflow = compile_workflow(document)
    """
    names = library_names()
    if name not in names:
        close = nearest(name, names)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise LookupError(f"no ready-made workflow {name!r}{hint} There are: {', '.join(names)}")
    document: dict[str, Any] = json.loads((files(__name__) / f"{name}.json").read_text("utf-8"))
    return document
