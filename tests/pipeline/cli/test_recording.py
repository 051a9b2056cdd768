"""Recordings of runs that end badly, go on, or never end, as the command line makes them."""

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
from av.error import FFmpegError

Call = Callable[..., subprocess.CompletedProcess[str]]
FPS = 25
ENDLESS = f"synthetic:pillar?frames=1000000&size=160x96&fps={FPS}"
CLIP = f"synthetic:pillar?frames=60&size=160x96&fps={FPS}"
PROGRAM = (sys.executable, "-m", "trackwire")


def frames_in(video: Path) -> int:
    """Decode a video and count its frames; none where the file has nothing to play yet."""
    try:
        with av.open(str(video)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (FFmpegError, IndexError):
        return 0


def lines_in(*files: Path) -> list[Any]:
    """Read JSON Lines; each must be whole."""
    texts = [file.read_bytes() for file in files]
    assert all(text.endswith(b"\n") or not text for text in texts)
    return [json.loads(line) for text in texts for line in text.splitlines()]


def names(folder: Path, pattern: str) -> list[str]:
    """Files that match, in order."""
    return sorted(path.name for path in folder.glob(pattern))


def end_by(
    number: signal.Signals, arguments: tuple[str, ...], cwd: Path, environment: dict[str, str]
) -> int:
    """Start a run, wait until it has written 100 lines, send a signal, and wait."""
    child = subprocess.Popen(
        [*PROGRAM, "run", *arguments],
        cwd=cwd,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while sum(f.read_bytes().count(b"\n") for f in cwd.glob("out/pillar/*.jsonl")) < 100:
            assert time.monotonic() < deadline, "no output within a minute"
            assert child.poll() is None, child.communicate()[1]
            os.sched_yield()
        child.send_signal(number)
        child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    return child.returncode


@pytest.mark.parametrize("extra", [(), ("--segment-s", "2")], ids=["one-file", "segments"])
def test_a_killed_run_loses_a_second_of_video_and_no_line(
    tmp_path: Path, drawing_workflow: Path, environment: dict[str, str], extra: tuple[str, ...]
) -> None:
    """After SIGKILL all lines are whole, and the video ends less than a second before them."""
    arguments = (str(drawing_workflow), "-s", ENDLESS, "-o", "out", *extra)
    assert end_by(signal.SIGKILL, arguments, tmp_path, environment) == -9
    folder = tmp_path / "out/pillar"
    lines = lines_in(*sorted(folder.glob("predictions*.jsonl")))
    assert [line["frame_number"] for line in lines] == list(range(len(lines)))
    played = sum(frames_in(video) for video in sorted(folder.glob("annotated*.mp4")))
    assert len(lines) - played <= FPS
    assert json.loads((tmp_path / "out/run.json").read_text())["status"] == "running"


@pytest.mark.parametrize("extra", [(), ("--segment-s", "2")], ids=["one-file", "segments"])
def test_a_terminated_run_loses_nothing(
    tmp_path: Path, drawing_workflow: Path, environment: dict[str, str], extra: tuple[str, ...]
) -> None:
    """After SIGTERM every frame that was processed is a line and a frame of video."""
    arguments = (str(drawing_workflow), "-s", ENDLESS, "-o", "out", *extra)
    assert end_by(signal.SIGTERM, arguments, tmp_path, environment) == 130
    folder = tmp_path / "out/pillar"
    report = json.loads((tmp_path / "out/run.json").read_text())
    assert report["status"] == "interrupted"
    lines = lines_in(*folder.glob("predictions*.jsonl"))
    played = sum(map(frames_in, folder.glob("annotated*.mp4")))
    assert report["frames"]["processed"] == len(lines) == played


def test_a_killed_run_goes_on_where_it_is_started_again(
    tmp_path: Path, drawing_workflow: Path, environment: dict[str, str], trackwire: Call
) -> None:
    """--append leaves all that is there, and --overwrite begins anew."""
    call = (str(drawing_workflow), "-s", ENDLESS, "-o", "out")
    end_by(signal.SIGKILL, call, tmp_path, environment)
    folder = tmp_path / "out/pillar"
    before = lines_in(folder / "predictions.jsonl")
    with (folder / "predictions.jsonl").open("ab") as file:
        file.write(b'{"frame_number": 99')
    video = (folder / "annotated.mp4").read_bytes()
    again = ("run", str(drawing_workflow), "-s", CLIP, "-o", "out")
    refused = trackwire(*again)
    assert refused.returncode == 2
    assert "--append" in refused.stderr
    for number in (2, 3):
        assert trackwire(*again, "--append").returncode == 0
        assert frames_in(folder / f"annotated-{number:03d}.mp4") == 60
    lines = lines_in(folder / "predictions.jsonl")
    assert lines[: len(before)] == before
    assert [line["frame_number"] for line in lines[len(before) :]] == [*range(60), *range(60)]
    assert (folder / "annotated.mp4").read_bytes() == video
    assert len(names(tmp_path / "out", "run-*Z.json")) == 2
    assert trackwire(*again, "--overwrite").returncode == 0
    assert names(folder, "*") == ["annotated.mp4", "predictions.jsonl"]
    assert names(tmp_path / "out", "*") == ["pillar", "run.json"]


def test_segments_go_on_and_the_oldest_go(
    tmp_path: Path, drawing_workflow: Path, trackwire: Call
) -> None:
    """A restart appends segments to those of the run before, and keeps as many as it may."""
    call = ("run", str(drawing_workflow), "-s", CLIP, "-o", "out", "--segment-s", "1")
    assert trackwire(*call).returncode == 0
    folder = tmp_path / "out/pillar"
    assert names(folder, "*.mp4") == [f"annotated-{n:06d}.mp4" for n in (1, 2, 3)]
    assert trackwire(*call, "--append", "--keep-segments", "4").returncode == 0
    assert names(folder, "*.mp4") == [f"annotated-{n:06d}.mp4" for n in (3, 4, 5, 6)]
    assert names(folder, "*.jsonl") == [f"predictions-{n:06d}.jsonl" for n in (3, 4, 5, 6)]
    assert trackwire(*call, "--overwrite").returncode == 0
    assert names(folder, "*.mp4") == [f"annotated-{n:06d}.mp4" for n in (1, 2, 3)]


def test_the_folder_of_a_living_run_is_refused(
    tmp_path: Path, drawing_workflow: Path, environment: dict[str, str], trackwire: Call
) -> None:
    """Neither appending nor overwriting disturbs a run that is writing."""
    first = (str(drawing_workflow), "-s", ENDLESS, "-o", "out")
    child = subprocess.Popen(
        [*PROGRAM, "run", *first],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "out/pillar/predictions.jsonl").exists():
            assert time.monotonic() < deadline, "no output within a minute"
            os.sched_yield()
        for option in ("--append", "--overwrite"):
            refused = trackwire("run", str(drawing_workflow), "-s", CLIP, "-o", "out", option)
            assert refused.returncode == 2
            assert "another run is writing" in refused.stderr
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    ("extra", "part"),
    [
        (("--append", "--overwrite"), "exclude each other"),
        (("--keep-segments", "3"), "--keep-segments needs --segment-s"),
        (("--segment-s", "0"), "--segment-s must be more than 0"),
        (("--segment-s", "60", "--keep-days", "-1"), "--keep-days must be more than 0"),
    ],
)
def test_options_that_cannot_be_are_refused(
    trackwire: Call, tmp_path: Path, drawing_workflow: Path, extra: tuple[str, ...], part: str
) -> None:
    """Exit code 2, and nothing is written."""
    done = trackwire("run", str(drawing_workflow), "-s", CLIP, "-o", "out", *extra)
    assert done.returncode == 2
    assert part in done.stderr
    assert not (tmp_path / "out").exists()
