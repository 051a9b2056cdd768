"""A detector that feeds a tracker alone runs where the tracker prompts, and nowhere else."""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from typing import Any

from trackwire.pipeline.demonstration import write_prompts
from trackwire.pipeline.output_folder import OutputFolder
from trackwire.pipeline.record import RecordOptions, record
from trackwire.pipeline.sources import SyntheticSource
from trackwire.specs import compile_workflow

FRAMES = 61
INTERVAL = 30


def workflow(path: Path) -> dict[str, Any]:
    """A detector, and a tracker that asks it every 30 frames."""
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {
                "type": "trackwire/replayed_detections@v1",
                "name": "detector",
                "images": "$inputs.image",
                "path": str(path),
            },
            {
                "type": "trackwire/video_tracker@v1",
                "name": "tracker",
                "images": "$inputs.image",
                "boxes": "$steps.detector.predictions",
                "model_id": "lite@192",
                "prompt_mode": "every_n_frames",
                "prompt_interval": INTERVAL,
            },
        ],
        "outputs": [
            {"type": "JsonField", "name": "tracks", "selector": "$steps.tracker.predictions"}
        ],
    }


def test_calls_saved_and_nothing_changed(tmp_path: Path) -> None:
    """ceil(frames / 30) detector calls give the predictions that a call per frame gives."""
    reference = f"synthetic:crossing?frames={FRAMES}&size=160x96"
    source = SyntheticSource.from_reference(reference)
    prompts = write_prompts(source, tmp_path / "boxes.jsonl", every=1, seed=1)
    assert prompts.first_shown
    assert min(prompts.first_shown.values()) == 0
    reports, written = {}, {}
    for lazy in (True, False):
        folder = tmp_path / f"lazy-{lazy}"
        compiled = compile_workflow(workflow(prompts.path), lazy=lazy)
        recorded = record(compiled, reference, OutputFolder(folder), RecordOptions())
        assert (recorded.outcome.status, recorded.outcome.error) == ("done", None)
        reports[lazy] = json.loads((folder / "run.json").read_text())
        (path,) = folder.glob("*/predictions.jsonl")
        written[lazy] = path.read_bytes()
    assert written[True] == written[False]
    assert len(written[True].splitlines()) == FRAMES
    calls = {
        lazy: next(step["calls"] for step in report["steps"] if step["name"] == "detector")
        for lazy, report in reports.items()
    }
    assert calls == {True: ceil(FRAMES / INTERVAL), False: FRAMES}
    assert reports[True]["calls_saved"] == FRAMES - ceil(FRAMES / INTERVAL)
    assert reports[False]["calls_saved"] == 0
