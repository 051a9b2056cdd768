"""``trackwire run`` as a user calls it: files, exit codes, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
ENDLESS = "synthetic:pillar?frames=1000000&size=160x96"
PROGRAM = (sys.executable, "-m", "trackwire")
CLIP = "synthetic:pillar?frames=12&size=160x96"


def frames_in(video: Path) -> int:
    """Decode a video and count."""
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def report_in(folder: Path) -> dict[str, Any]:
    """Read what a run says about itself."""
    report: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return report


def test_a_run_writes_everything(trackwire: Call, tmp_path: Path, drawing_workflow: Path) -> None:
    """As many video frames and lines as the source has, and a report that adds up."""
    done = trackwire("run", str(drawing_workflow), "--source", CLIP, "--output", "out")
    assert done.returncode == 0, done.stderr
    assert "12 frames" in done.stdout
    assert frames_in(tmp_path / "out/pillar/annotated.mp4") == 12
    lines = (tmp_path / "out/pillar/predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame_number"] for line in lines] == list(range(12))
    report = report_in(tmp_path / "out")
    assert report["schema"] == "trackwire.run/1"
    assert report["status"] == "done"
    assert report["frames"] == {"in": 12, "processed": 12, "failed": 0, "dropped": {}}
    assert report["omitted_image_outputs"] == ["picture"]
    assert report["workflow"]["digest"].startswith("sha256:")
    assert [step["name"] for step in report["steps"]] == ["boxes", "drawn"]
    assert all(step["p50_ms"] <= step["p95_ms"] for step in report["steps"])


def test_two_sources_get_a_folder_each(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path
) -> None:
    """Equal names are told apart; --max-frames stops each source."""
    done = trackwire(
        *("run", str(drawing_workflow), "-s", CLIP, "-s", CLIP, "-o", "out", "--max-frames", "5")
    )
    assert done.returncode == 0, done.stderr
    for stream in ("pillar", "pillar-2"):
        assert frames_in(tmp_path / "out" / stream / "annotated.mp4") == 5


def test_without_output_each_run_gets_a_new_folder(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path
) -> None:
    """Trying things out loses nothing."""
    for _ in range(2):
        assert trackwire("run", str(drawing_workflow), "-s", CLIP).returncode == 0
    assert len(list((tmp_path / "out").glob("run-*/run.json"))) == 2


def test_results_are_only_replaced_when_asked_to(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path
) -> None:
    """A second run is refused before it does anything; --overwrite replaces."""
    call = ("run", str(drawing_workflow), "-s", CLIP, "-o", "out")
    assert trackwire(*call).returncode == 0
    first = (tmp_path / "out/pillar/predictions.jsonl").read_bytes()
    refused = trackwire(*call)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert "[output_taken]" in refused.stderr
    assert (tmp_path / "out/pillar/predictions.jsonl").read_bytes() == first
    assert trackwire(*call, "--overwrite", "--max-frames", "3").returncode == 0
    assert frames_in(tmp_path / "out/pillar/annotated.mp4") == 3


def test_parameters_reach_the_workflow(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path
) -> None:
    """--param beats the default; its path starts at the working directory."""
    box = {"x": 80, "y": 48, "width": 40, "height": 20}
    outputs = {"predictions": {"image": {"width": 160, "height": 96}, "predictions": [box]}}
    (tmp_path / "other.jsonl").write_text(json.dumps({"frame_number": 3, "outputs": outputs}))
    done = trackwire(
        *("run", str(drawing_workflow), "-s", CLIP, "-o", "out", "-p", "path=other.jsonl")
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out/pillar/predictions.jsonl").read_text().splitlines()
    counts = [len(json.loads(line)["outputs"]["boxes"]["predictions"]) for line in lines]
    assert counts == [0, 0, 0, 1, *[0] * 8]
    assert report_in(tmp_path / "out")["workflow"]["parameters"]["path"].endswith("other.jsonl")


@pytest.mark.parametrize(
    ("extra", "part"),
    [
        (("--video-output", "nowhere"), "has no image output 'nowhere'; it has: picture"),
        (("--param", "novalue"), "NAME=VALUE"),
        (("--param", "speed=3"), "speed"),
        (("-s", "synthetic:nowhere"), "unknown scene"),
        (("-s", "missing/*.jpg"), "nothing matches"),
    ],
)
def test_a_call_that_cannot_work_is_refused_before_anything_is_written(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path, extra: tuple[str, str], part: str
) -> None:
    """Exit code 2 means: nothing was run, correct the call."""
    done = trackwire("run", str(drawing_workflow), "-s", CLIP, "-o", "out", *extra)
    assert done.returncode == 2
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_file_fails_the_run_and_leaves_the_folder_usable(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path
) -> None:
    """Nothing was processed, so the corrected call may use the same folder."""
    call = ("run", str(drawing_workflow), "-o", "out", "-s")
    failed = trackwire(*call, "missing.mp4")
    assert failed.returncode == 1
    assert failed.stderr.count("missing.mp4") == 1
    assert report_in(tmp_path / "out")["status"] == "failed"
    assert trackwire(*call, CLIP).returncode == 0


def test_under_skip_a_bad_source_does_not_stop_the_good_one(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path
) -> None:
    """The good clip is complete, and the bad one stands in the report."""
    (tmp_path / "broken.mp4").write_text("this is no video")
    done = trackwire(
        *("run", str(drawing_workflow), "-s", CLIP, "-s", "broken.mp4", "-o", "out"),
        *("--on-error", "skip"),
    )
    assert done.returncode == 0, done.stderr
    assert "broken" in done.stderr
    streams = {each["video_identifier"]: each for each in report_in(tmp_path / "out")["streams"]}
    assert streams["pillar"]["frames_processed"] == 12
    assert streams["broken"]["state"] == "failed"


def test_a_missing_model_is_one_clear_error(trackwire: Call, tmp_path: Path) -> None:
    """The library's document with a SAM tracker says the ways on, and fails."""
    done = trackwire("run", "detect-and-track", "-s", CLIP, "-o", "out")
    assert done.returncode == 1
    assert "'lite'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_files_properly(
    tmp_path: Path, drawing_workflow: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    """Exit code 130, a video that plays, as many lines as frames, a report that says so."""
    lines = tmp_path / "out/pillar/predictions.jsonl"
    child = subprocess.Popen(
        [*PROGRAM, "run", str(drawing_workflow), "-s", ENDLESS, "-o", "out"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not (lines.exists() and lines.stat().st_size > 5000):
            assert time.monotonic() < deadline, "no output within a minute"
            assert child.poll() is None, child.stderr.read()  # type: ignore[union-attr]
            os.sched_yield()
        child.send_signal(number)
        _, told = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130, told
    assert "Traceback" not in told
    written = len(lines.read_text().splitlines())
    assert written == frames_in(tmp_path / "out/pillar/annotated.mp4") > 0
    report = report_in(tmp_path / "out")
    assert report["status"] == "interrupted"
    assert report["frames"]["processed"] >= written


def test_a_killed_run_says_that_it_was_running(
    tmp_path: Path, drawing_workflow: Path, environment: dict[str, str]
) -> None:
    """After SIGKILL the report does not claim success, and whole lines are on disk."""
    lines = tmp_path / "out/pillar/predictions.jsonl"
    child = subprocess.Popen(
        [*PROGRAM, "run", str(drawing_workflow), "-s", ENDLESS, "-o", "out"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not (lines.exists() and lines.stat().st_size > 1000):
            assert time.monotonic() < deadline, "no output within a minute"
            os.sched_yield()
    finally:
        child.kill()
        child.wait()
    assert report_in(tmp_path / "out")["status"] == "running"
    assert all(json.loads(line) for line in lines.read_text().splitlines())
