"""Properties: a value made of detections or of anything else."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trackwire.specs import WILDCARD, BlockManifest, OutputDefinition, Selector, Traits

from ..query.language import AnyOperation
from .querying import Querying

__all__ = ["PropertyDefinition", "PropertyDefinitionManifest"]


class PropertyDefinitionManifest(BlockManifest):
    """Properties of the block that makes a value of another."""

    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("output", frozenset({WILDCARD})),
    )

    type: Literal[
        "roboflow_core/property_definition@v1", "PropertyDefinition", "PropertyExtraction"
    ]
    data: Annotated[str, Selector(WILDCARD)] = Field(description="What to start from.")
    operations: list[AnyOperation] = Field(
        description="Operations on it, one after the other, such as DetectionsPropertyExtract "
        "and SequenceLength."
    )


class PropertyDefinition(Querying):
    """Makes a value, such as a count or a list of classes, with the query language."""

    manifest: ClassVar[type[BlockManifest]] = PropertyDefinitionManifest
    subject: ClassVar[str] = "data"
    output: ClassVar[str] = "output"
