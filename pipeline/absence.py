"""Absence: why a step has no value for an element."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

__all__ = ["Absence", "merge"]


class Absence(Enum):
    """Why a step has no value for an element."""

    FAILED = auto()
    BRANCH_OFF = auto()
    HALTED = auto()
    """The step itself ended the branch; which of the steps it names are off is noted apart."""
    NOT_COMPUTED = auto()


def merge(blocked: dict[int, Absence], absent: Mapping[int, Absence]) -> None:
    """Add elements that are absent further up; a failure outweighs a branch that is off.

    Args:
        blocked: Absences of the step that reads, changed in place.
        absent: Absences of a step that it reads.
    """
    for element, cause in absent.items():
        if cause is Absence.FAILED or element not in blocked:
            blocked[element] = Absence.BRANCH_OFF if cause is Absence.HALTED else cause
