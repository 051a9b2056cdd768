"""Detectors of hosted platforms: their documents compile, opening says what to do."""

from __future__ import annotations

import pytest

from trackwire.pipeline.engine import Engine
from trackwire.specs import ModelError, compile_workflow


@pytest.mark.parametrize(
    "step",
    [
        {"type": "ObjectDetectionModel", "image": "$inputs.image"},
        {
            "type": "roboflow_core/roboflow_object_detection_model@v1",
            "images": "$inputs.image",
            "confidence": 0.5,
            "class_filter": ["person"],
        },
        {
            "type": "roboflow_core/roboflow_object_detection_model@v2",
            "images": "$inputs.image",
            "iou_threshold": "$inputs.iou",
            "max_detections": 10,
            "class_agnostic_nms": True,
        },
        {
            "type": "roboflow_core/roboflow_object_detection_model@v3",
            "images": "$inputs.image",
            "confidence_mode": "custom",
            "custom_confidence": 0.3,
        },
    ],
    ids=["alias", "v1", "v2", "v3"],
)
def test_documents_compile_and_opening_explains(step: dict[str, object]) -> None:
    """All versions and the legacy name compile; opening is one error that names the ways on."""
    document = {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
            {"type": "WorkflowParameter", "name": "iou", "default_value": 0.4},
        ],
        "steps": [{"name": "detector", "model_id": "some/model", **step}],
        "outputs": [{"type": "JsonField", "name": "p", "selector": "$steps.detector.predictions"}],
    }
    workflow = compile_workflow(document)
    with pytest.raises(ModelError, match="some/model") as caught:
        Engine(workflow)
    assert caught.value.code == "detector_unavailable"
    assert "trackwire/motion_detection@v1" in caught.value.message
    assert "trackwire/replayed_detections@v1" in caught.value.message
