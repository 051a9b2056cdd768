"""The manifest there has our options, no more and no less."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from pydantic import ValidationError

from trackwire.blocks.roboflow_plugin import EngineNotInstalledError, load_blocks
from trackwire.blocks.roboflow_plugin.guest_manifest import ON_ERROR, make_manifest
from trackwire.blocks.roboflow_plugin.known_engine import KnownEngine
from trackwire.blocks.track.manifest import VideoTrackerManifest

STEP = {"type": "trackwire/video_tracker@v1", "name": "tracker", "images": "$inputs.image"}


def test_options_and_defaults_are_ours(stand_in: KnownEngine) -> None:
    """An option added to the tracker is an option there, with the same default."""
    theirs = make_manifest(stand_in)
    ours = VideoTrackerManifest.model_validate(STEP)
    read = theirs.model_validate(STEP).model_dump()
    assert read.pop(ON_ERROR) == "skip"
    assert read == ours.model_dump()


def test_selectors_are_those_of_the_engine(stand_in: KnownEngine) -> None:
    """Where our annotation names kinds, the engine's own kinds stand."""
    fields = make_manifest(stand_in).model_fields
    assert fields["images"].metadata == [("image",)]
    assert "rle_instance_segmentation_prediction" in str(fields["boxes"].annotation)
    assert "('integer',)" in str(fields["prompt_interval"].annotation)


def test_image_is_another_name_of_images(stand_in: KnownEngine) -> None:
    """Documents there use both."""
    step = {name: value for name, value in STEP.items() if name != "images"}
    assert make_manifest(stand_in).model_validate({**step, "image": "$inputs.i"}).images


def test_values_are_checked_as_ours(stand_in: KnownEngine) -> None:
    """The bounds of an option go along with it."""
    with pytest.raises(ValidationError):
        make_manifest(stand_in).model_validate({**STEP, "prompt_interval": 0})


def test_masks_are_promised_dense_only(stand_in: KnownEngine) -> None:
    """The kind of run lengths there means a field that our detections do not have."""
    manifest = make_manifest(stand_in)
    predictions = next(o for o in manifest.describe_outputs() if o.name == "predictions")
    assert predictions.kind == ["instance_segmentation_prediction"]
    assert manifest.get_parameters_accepting_batches() == ["images", "boxes"]


def test_without_the_engine_there_is_one_clear_error() -> None:
    """The error says what is missing, how to get it, and what needs no plug-in."""
    if find_spec("inference") or find_spec("roboflow_workflows"):
        pytest.skip("Roboflow's engine is installed here")
    with pytest.raises(EngineNotInstalledError, match="pip install inference-core") as caught:
        load_blocks()
    assert isinstance(caught.value, ImportError)
    assert caught.value.code == "engine_not_installed"
