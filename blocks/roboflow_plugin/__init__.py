"""Our video tracker as a block of Roboflow's workflow engine.

That engine loads this module by name and asks it for blocks::

    WORKFLOWS_PLUGINS = trackwire.blocks.roboflow_plugin

From then on its documents may hold steps of type ``trackwire/video_tracker@v1``. The engine is
imported when it is asked for blocks, not before, and is no dependency of Trackwire.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from .known_engine import EngineNotInstalledError, KnownEngine, find_engine

__all__ = ["REGISTERED_INITIALIZERS", "EngineNotInstalledError", "KnownEngine", "load_blocks"]

REGISTERED_INITIALIZERS: Final[dict[str, Any]] = {"device": "auto"}
"""What that engine gives the blocks of this module when it makes them.

Other values come from its ``workflow_init_parameters``, under the key
``trackwire.blocks.roboflow_plugin.device``: ``cpu``, ``cuda``, ``cuda:1``, ``mps`` or ``auto``.
"""


def load_blocks() -> list[type]:
    """List the blocks that Trackwire brings to the engine.

    Returns:
        Subclasses of the engine's ``WorkflowBlock``; the same classes at each call.

    Raises:
        EngineNotInstalledError: There is no engine in this environment, or it cannot be imported.
    """
    return list(_blocks())


@cache
def _blocks() -> tuple[type, ...]:
    from .guest_block import make_tracker_block

    return (make_tracker_block(find_engine()),)
