"""Options that hold for a whole run: written out, or wired to a parameter of the workflow."""

from __future__ import annotations

from collections.abc import Iterable

from trackwire.specs import BlockError, BlockManifest, is_selector

__all__ = ["require_settled"]


def require_settled(step: BlockManifest, names: Iterable[str]) -> None:
    """Make sure that options have values when a block opens.

    The engine has put the values of parameters into the manifest by then, so a selector that is
    left points at something that changes from frame to frame.

    Args:
        step: The manifest that the block opens with.
        names: Properties that must hold values.

    Raises:
        BlockError: Some of them are still wired; names all of them.
    """
    wired = [name for name in names if is_selector(getattr(step, name))]
    if wired:
        raise BlockError(
            f"step {step.name!r}: {', '.join(wired)} must be written out or wired to a "
            "parameter of the workflow, since it holds for the whole run",
            code="option_changes",
            step=step.name,
        )
