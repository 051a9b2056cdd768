"""What tests of the command line share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a child process that can import this checkout from anywhere."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "COLUMNS": "120"}


@pytest.fixture
def trackwire(tmp_path: Path, environment: dict[str, str]) -> Call:
    """Run the command line as a user does: another process, in an empty working directory."""

    def call(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trackwire", *arguments],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return call


@pytest.fixture
def drawing_workflow(tmp_path: Path) -> Path:
    """A workflow that needs no model: boxes from a file, drawn on the picture."""
    document = {
        "version": "1.0",
        "inputs": [
            {"type": "InferenceImage", "name": "image"},
            {"type": "WorkflowParameter", "name": "path", "default_value": "boxes.jsonl"},
        ],
        "steps": [
            {
                "type": "trackwire/replayed_detections@v1",
                "name": "boxes",
                "images": "$inputs.image",
                "path": "$inputs.path",
            },
            {
                "type": "roboflow_core/bounding_box_visualization@v1",
                "name": "drawn",
                "image": "$inputs.image",
                "predictions": "$steps.boxes.predictions",
            },
        ],
        "outputs": [
            {"type": "JsonField", "name": "boxes", "selector": "$steps.boxes.predictions"},
            {"type": "JsonField", "name": "picture", "selector": "$steps.drawn.image"},
        ],
    }
    path = tmp_path / "drawing.json"
    path.write_text(json.dumps(document))
    (tmp_path / "boxes.jsonl").write_text("")
    return path
