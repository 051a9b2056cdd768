"""Roboflow's real engine with our plug-in in it; all tests here skip where it is not installed.

``make test-roboflow`` makes an environment that has it. It is one of its own: the engine wants
older versions of what Trackwire uses.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
PLUGINS = "trackwire.blocks.roboflow_plugin,guest_boxes"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let warnings be: here they are the engine's and those of its two hundred packages."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def engine() -> Any:
    """The engine's module ``inference``, with the plug-in and a block that replays boxes."""
    if find_spec("inference") is None or find_spec("torchvision") is None:
        pytest.skip("Roboflow's engine (inference-core) is not installed: make test-roboflow")
    sys.path.insert(0, str(HERE))
    os.environ.update(
        WORKFLOWS_PLUGINS=PLUGINS,
        TELEMETRY_OPT_OUT="True",
        DISABLE_VERSION_CHECK="True",
    )
    from torchvision_shim import make_torchvision_importable

    make_torchvision_importable()
    import inference

    return inference


@pytest.fixture(scope="session")
def pedestrians(shared_data: Path) -> Path:
    """People walking, 69 frames as pictures, with boxes and identities for each."""
    clip = shared_data / "pedestrians"
    if not (clip / "gt.txt").is_file():
        pytest.skip("the clip of pedestrians is not on this machine")
    return clip


@pytest.fixture
def play(engine: Any) -> Callable[..., list[list[dict[str, Any] | None]]]:
    """Run a document over videos in the engine's own pipeline: ``play(document, [video])``."""

    def run(
        document: dict[str, Any], videos: Sequence[str], **options: Any
    ) -> list[list[dict[str, Any] | None]]:
        results: list[list[dict[str, Any] | None]] = [[] for _ in videos]
        lock = threading.Lock()

        def keep(predictions: Any, frames: Any) -> None:
            if len(videos) == 1:
                predictions, frames = [predictions], [frames]
            with lock:
                for prediction, frame in zip(predictions, frames, strict=True):
                    if frame is not None:
                        results[frame.source_id or 0].append(prediction)

        pipeline = engine.InferencePipeline.init_with_workflow(
            video_reference=list(videos) if len(videos) > 1 else videos[0],
            workflow_specification=document,
            on_prediction=keep,
            **options,
        )
        pipeline.start(use_main_thread=False)
        pipeline.join()
        return results

    return run


@pytest.fixture(scope="session")
def walk(pedestrians: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The clip as a lossless file: the engine takes a folder of pictures for a live stream."""
    import cv2

    pictures: list[Any] = [cv2.imread(str(p)) for p in sorted(pedestrians.glob("frames/*.jpg"))]
    height, width = pictures[0].shape[:2]
    path = str(tmp_path_factory.mktemp("clip") / "walk.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"FFV1"), 10, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path
