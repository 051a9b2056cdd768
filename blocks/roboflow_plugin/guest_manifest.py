"""The tracker's manifest in the terms of Roboflow's engine, derived from our own.

There is one list of options, that of :class:`VideoTrackerManifest`; here its annotations are
translated, so an option added there is one here.
"""

from __future__ import annotations

import types
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import AliasChoices, ConfigDict, Field, create_model

from trackwire.specs import RLE_INSTANCE_SEGMENTATION_PREDICTION, Selector

from ..track.manifest import VideoTrackerManifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo

    from .known_engine import KnownEngine

__all__ = ["ON_ERROR", "WIRED", "make_manifest"]

WIRED: Final = ("images", "boxes")
"""Properties that carry a value for each frame; the others hold for a whole run."""
ON_ERROR: Final = "on_error"
"""The one property that only this manifest has."""

_OWN_FIELDS: Final = frozenset({"type", "name"})


def make_manifest(engine: KnownEngine) -> type[Any]:
    """Make the manifest class that describes the tracker to the engine.

    Args:
        engine: Gives the base class, the kinds and the form of selectors.

    Returns:
        A subclass of the engine's ``WorkflowBlockManifest`` with every option of
        ``trackwire/video_tracker@v1`` and ``on_error``.
    """
    hints = get_type_hints(VideoTrackerManifest, include_extras=True)
    fields: dict[str, Any] = {
        name: (_translate(hints[name], engine), _field(name, info))
        for name, info in VideoTrackerManifest.model_fields.items()
        if name not in _OWN_FIELDS
    }
    fields["type"] = (Literal["trackwire/video_tracker@v1"], ...)
    fields[ON_ERROR] = (
        Literal["skip", "stop"],
        Field(
            default="skip",
            description="When one frame of one stream fails: leave out its predictions and go "
            "on, or raise, which ends the pipeline for all streams.",
        ),
    )
    model: type[Any] = create_model(
        "VideoTrackerManifest", __base__=_described(engine), __module__=__name__, **fields
    )
    return model


def _described(engine: KnownEngine) -> type[Any]:
    """Make the base class that answers what the engine asks of a manifest."""
    # Masks leave here dense; the kind of run lengths means another data field there.
    outputs = [
        engine.output(
            name=output.name,
            kind=_kinds(output.kinds - {RLE_INSTANCE_SEGMENTATION_PREDICTION}, engine.kinds),
        )
        for output in VideoTrackerManifest.outputs
    ]

    return type(
        "_DescribedManifest",
        (engine.manifest,),
        {
            "__module__": __name__,
            "__annotations__": {"model_config": ClassVar[ConfigDict]},
            "model_config": ConfigDict(json_schema_extra=_DESCRIPTION, protected_namespaces=()),
            "describe_outputs": staticmethod(lambda: outputs),
            "get_parameters_accepting_batches": staticmethod(lambda: list(WIRED)),
            # Frames go on where a branch that gives the boxes is switched off.
            "accepts_empty_values": staticmethod(lambda: True),
            "get_execution_engine_compatibility": staticmethod(lambda: ">=1.3.0,<2.0.0"),
        },
    )


def _field(name: str, info: FieldInfo) -> Any:
    settings: dict[str, Any] = {"description": info.description}
    if not info.is_required():
        settings["default"] = info.get_default(call_default_factory=False)
    if name == "images":
        settings["validation_alias"] = AliasChoices("images", "image")
    return Field(**settings)


def _translate(annotation: Any, engine: KnownEngine) -> Any:
    """Put the engine's selectors where the annotation has ours."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        for extra in inner[1:]:
            if isinstance(extra, Selector):
                return engine.selector(kind=_kinds(extra.kinds, engine.kinds))
        return Annotated[_translate(inner[0], engine), *inner[1:]]
    if origin in (Union, types.UnionType):
        return Union[tuple(_translate(member, engine) for member in inner)]  # noqa: UP007
    if origin in (list, dict):
        return types.GenericAlias(origin, tuple(_translate(member, engine) for member in inner))
    return annotation


def _kinds(names: Iterable[str], known: Mapping[str, Any]) -> list[Any]:
    """Give the engine's kinds of these names; what an old engine lacks is left out."""
    return [known[name] for name in sorted(names) if name in known]


_DESCRIPTION: Final[dict[str, Any]] = {
    "name": "Trackwire Video Tracker",
    "version": "v1",
    "short_description": "Follow objects through video, each with a mask and a lasting id.",
    "long_description": (
        "Takes boxes on prompt frames and follows the objects in them, with a mask for each. At "
        "later prompt frames new boxes are matched with the tracks, so a `tracker_id` stays one "
        "object. Each `video_identifier` has tracks of its own."
    ),
    "license": "Apache-2.0",
    "block_type": "model",
    "search_keywords": ["tracking", "video", "mask", "segment anything", "identity"],
    "ui_manifest": {"section": "video", "icon": "fal fa-location-crosshairs", "trackers": True},
}
