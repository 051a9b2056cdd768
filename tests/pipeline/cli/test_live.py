"""Live sources on the command line: secrets stay out of sight, and runs end as asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from trackwire import InferencePipeline
from trackwire.pipeline.cli.cameras import find_cameras
from trackwire.pipeline.cli.console import UsageError
from trackwire.pipeline.cli.dashboard import status_table
from trackwire.pipeline.cli.references import expand_references

from ..rtsp import serving

SECRET = ("visitor", "hunter2xyz")


def test_references_come_from_the_environment() -> None:
    """``${NAME}`` is filled in; one that is not set is named."""
    assert expand_references(["${CAM}/a", "b$"], {"CAM": "rtsp://u:p@h"}) == (
        "rtsp://u:p@h/a",
        "b$",
    )
    with pytest.raises(UsageError, match="NOPE"):
        expand_references(["${NOPE}"], {})


def test_cameras_are_found_by_the_kernel_s_list(tmp_path: Path) -> None:
    """A device that carries no pictures is left out, and so is what is no device."""
    for number, index in (("0", "0"), ("1", "1"), ("10", "0"), ("x", "0")):
        entry = tmp_path / f"video{number}"
        entry.mkdir()
        (entry / "index").write_text(index)
        (entry / "name").write_text("Yard camera\n")
    found = find_cameras(tmp_path, tmp_path)
    assert [(camera.number, camera.name) for camera in found] == [
        (0, "Yard camera"),
        (10, "Yard camera"),
    ]
    assert find_cameras(tmp_path / "none") == ()


def test_the_dashboard_shows_every_source() -> None:
    """One row per source, with its state."""
    pipeline = InferencePipeline.init_with_custom_logic(
        ["synthetic:crossing?frames=3&size=64x48"] * 2,
        lambda frames: [{} for _ in frames],
        video_identifiers=["yard", "gate"],
    )
    pipeline.start()
    console = Console(width=140, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(status_table(pipeline.status()))
    text = console.export_text()
    console.file.close()
    for word in ("yard", "gate", "ended", "p95 ms", "reconnects"):
        assert word in text


def test_a_watched_camera_ends_on_sigterm_and_keeps_its_secret(tmp_path: Path) -> None:
    """SIGTERM finishes video and report; the password is in no output, file or process title."""
    output = tmp_path / "out"
    with serving(credentials=SECRET) as server:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "trackwire", "run", "track-moving-objects",
                "--source", server.url(credentials=SECRET), "--output", str(output),
                "--log", "json", "--metrics", "127.0.0.1:0",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        lines = output / "127.0.0.1-cam" / "predictions.jsonl"
        watched = psutil.Process(process.pid)
        while process.poll() is None and not (lines.exists() and lines.stat().st_size > 2000):
            pass
        title = " ".join(watched.cmdline())
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 130, complained
    report = json.loads((output / "run.json").read_text())
    assert report["status"] == "interrupted"
    stream = report["streams"][0]
    written = lines.read_text().splitlines()
    assert len(written) == stream["frames_processed"] - sum(
        sum(sink["dropped"].values()) for sink in report["sinks"] if sink["name"] == "JsonLinesSink"
    )
    files = "".join(
        path.read_bytes().decode("latin1") for path in output.rglob("*") if path.is_file()
    )
    everything = files + said + complained + title
    assert "metrics at http://127.0.0.1:" in complained
    assert "track-moving-objects" in title
    for word in SECRET:
        assert word not in everything
