"""The trackers of a workflow, to look at and to steer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackwire.specs import SessionError

if TYPE_CHECKING:
    from trackwire.blocks import TrackerControl

    from .open_step import OpenStep

__all__ = ["chosen_tracker", "trackers_of"]


def trackers_of(steps: Iterable[OpenStep]) -> dict[str, TrackerControl]:
    """Find the steps that can be steered.

    Args:
        steps: The opened steps of a workflow.

    Returns:
        The control of each of them, by the name of the step.
    """
    from trackwire.blocks import TrackerControl

    controls = {step.plan.name: getattr(step.block, "control", None) for step in steps}
    return {name: each for name, each in controls.items() if isinstance(each, TrackerControl)}


def chosen_tracker(trackers: Mapping[str, TrackerControl], step: str | None) -> TrackerControl:
    """Choose one of a workflow's trackers.

    Args:
        trackers: By the name of the step.
        step: The name; None for the only one.

    Raises:
        SessionError: There is no such tracker (``unknown_tracker``), or a name is needed.
    """
    if step is None and len(trackers) == 1:
        return next(iter(trackers.values()))
    if step is not None and step in trackers:
        return trackers[step]
    there = ", ".join(map(repr, trackers)) or "none"
    wanted = "one must be named" if step is None and trackers else f"there is no {step or 'one'}"
    raise SessionError(
        f"which tracker: {wanted}; the trackers of the workflow are: {there}",
        code="unknown_tracker",
        step=step,
    )
