"""The library: ready-made workflows that compile with the blocks that come along."""

from __future__ import annotations

import pytest

from trackwire.specs import compile_workflow, library_names, load_library


def test_the_library_lists_its_documents() -> None:
    """The names are the file names, in order."""
    assert library_names() == (
        "detect-and-segment",
        "detect-and-track",
        "track-detections",
        "track-moving-objects",
    )


@pytest.mark.parametrize("name", library_names())
def test_a_ready_made_workflow_compiles(name: str) -> None:
    """Each runs as it is, with nothing but the built-in blocks."""
    workflow = compile_workflow(load_library(name))
    assert "predictions" in {output.name for output in workflow.outputs}


@pytest.mark.parametrize(
    ("name", "rests"),
    [
        ("detect-and-track", True),
        ("track-detections", True),
        ("track-moving-objects", False),  # it learns the background from every frame
    ],
)
def test_the_detector_rests_between_prompts(name: str, rests: bool) -> None:
    """The tracker reads boxes lazily, so that a detector without memory only runs when asked."""
    assert compile_workflow(load_library(name)).steps[0].skippable is rests


@pytest.mark.parametrize("name", ["detect-and-segment", "track-detections", "track-moving-objects"])
def test_results_are_put_out_and_drawn(name: str) -> None:
    """One image output, so that a run knows what to write as video."""
    workflow = compile_workflow(load_library(name))
    assert [output.name for output in workflow.outputs] == ["predictions", "annotated"]


def test_a_document_is_the_callers_own() -> None:
    """Changing what was loaded changes nothing for the next one."""
    load_library("detect-and-track")["steps"].clear()
    assert load_library("detect-and-track")["steps"]


def test_an_unknown_name_lists_the_near_ones() -> None:
    """A slip in the name is told with what was meant."""
    with pytest.raises(LookupError, match="did you mean track-moving-objects"):
        load_library("track_moving_object")
    with pytest.raises(LookupError, match="There are: detect-and-segment"):
        load_library("../secrets")
