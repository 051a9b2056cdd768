"""A document that names things by phrases runs from the file to the tracks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from trackwire.blocks import Frame, SessionStatus
from trackwire.specs import ModelError, SessionError

pytestmark = pytest.mark.timeout(600)  # whoever comes first waits for the model to learn


def test_things_are_found_named_and_followed(bench: Any) -> None:
    """What comes into sight becomes a track by itself, has its phrase's name, and keeps its id."""
    lab = bench.lab
    world = bench.two_things(first=4)
    with bench.engine() as engine:
        seen = list(bench.run(engine, [world.frame(number) for number in range(16)]))
    first, last = seen[0][0], seen[-1][0]
    assert (first.tracker_id.tolist(), first.data["class_name"].tolist()) == ([1], [lab.DISC])
    assert last.tracker_id.tolist() == [1, 2]
    assert last.data["class_name"].tolist() == [lab.DISC, lab.SQUARE]
    assert last.class_id.tolist() == [0, 1]
    assert ((last.confidence >= 0.5) & (last.confidence <= 1)).all()
    for row, thing in enumerate(world.things):
        mask, truth = np.asarray(last.mask[row]), thing.mask(15)
        assert (mask & truth).sum() / (mask | truth).sum() > 0.6
        rows, columns = np.where(mask)
        tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert last.xyxy[row].tolist() == tight
    assert set(last.data) >= {"mask_score", "detection_score", "detection_id", "parent_id"}
    started = [event for _, events in seen for event in events if event["event"] == "started"]
    assert [event["tracker_id"] for event in started] == [1, 2]


def test_what_leaves_is_lost_and_ends(bench: Any) -> None:
    """A thing out of sight is not put out; after lost_after frames its track ends."""
    world = bench.two_things(last=14)
    with bench.engine() as engine:
        seen = list(bench.run(engine, [world.frame(number) for number in range(30)]))
        assert engine.tracker().status().tracks == 1
    kinds = [(event["event"], event["tracker_id"]) for _, events in seen for event in events]
    assert kinds[:2] == [("started", 1), ("started", 2)]
    assert ("lost", 2) in kinds
    assert kinds[-1] == ("ended", 2)
    assert seen[-1][0].tracker_id.tolist() == [1]


def test_nothing_found_is_an_empty_result_with_ids(bench: Any) -> None:
    """An empty result has an integer array of ids and a mask of the frame's size."""
    world = bench.lab.World((), seed=3)
    with bench.engine() as engine:
        ((found, events),) = bench.run(engine, [world.frame(0)])
    assert len(found) == 0
    assert found.tracker_id.dtype == np.int64
    assert found.mask.shape == (0, 72, 96)
    assert events == []


def test_a_phrase_that_goes_ends_its_tracks_and_no_others(bench: Any) -> None:
    """Phrases change from frame to frame: kept ones keep their ids, ids are never used again."""
    from trackwire.specs import Batch

    lab = bench.lab
    world = bench.two_things()
    with bench.engine() as engine:
        block = bench.block(engine)

        def tick(number: int, names: Any) -> Any:
            frame = world.frame(number)
            batch = Batch(("world",), {"images": [frame], "class_names": [names]})
            return block.run(batch)[0]

        list(bench.run(engine, [world.frame(0), world.frame(1)]))
        found = tick(2, lab.PHRASES)
        assert found["predictions"].tracker_id.tolist() == [1, 2]
        found = tick(3, lab.SQUARE)
        assert found["predictions"].tracker_id.tolist() == [2]
        assert found["predictions"].class_id.tolist() == [0]
        (event,) = found["events"]
        assert (event["event"], event["tracker_id"], event["reason"]) == ("ended", 1, "unwanted")
        found = tick(4, f"{lab.SQUARE}, {lab.DISC}")
        assert sorted(found["predictions"].tracker_id.tolist()) == [2, 3]
        assert dict(
            zip(
                found["predictions"].tracker_id.tolist(),
                found["predictions"].data["class_name"].tolist(),
                strict=True,
            )
        ) == {2: lab.SQUARE, 3: lab.DISC}
        found = tick(5, [])
        assert len(found["predictions"]) == 0
        assert {event["tracker_id"] for event in found["events"]} == {2, 3}
        assert block.sessions.nbytes() == 0
        assert tick(6, None).error.code == "no_phrases"
        assert tick(7, [f"thing {each}" for each in range(65)]).error.code == "too_many_phrases"
        assert tick(8, 7).error.code == "phrase_type"
        assert tick(9, ["so many letters that no model reads them all"]).error.code == (
            "phrase_too_long"
        )
        assert tick(10, lab.DISC)["predictions"].tracker_id.tolist() == [4]


@pytest.mark.parametrize(("on_gap", "ids"), [("reset", [3, 4]), ("associate", [1, 2])])
def test_a_gap_ends_tracks_or_not(bench: Any, on_gap: str, ids: list[int]) -> None:
    """A new epoch of the same scene: all begins anew, or ids go on."""
    world = bench.two_things()
    frames = [world.frame(number, epoch=number // 4) for number in range(8)]
    with bench.engine({"on_gap": on_gap}) as engine:
        seen = list(bench.run(engine, frames))
    assert seen[-1][0].tracker_id.tolist() == ids
    ended = [each for _, events in seen for each in events if each["event"] == "ended"]
    assert [each["reason"] for each in ended] == ["gap"] * (0 if on_gap == "associate" else 2)


def test_another_scene_is_no_place_for_old_ids(bench: Any) -> None:
    """Behind a cut nobody is taken for somebody else, also where tracks are kept over gaps."""
    lab = bench.lab
    before, after = bench.two_things(), lab.World((lab.Thing(lab.SQUARE, 2),), seed=5)
    bright = Frame(255 - after.render(4), after.frame(4).video)
    with bench.engine() as engine:
        seen = list(bench.run(engine, [*(before.frame(number) for number in range(4)), bright]))
    reasons = [event["reason"] for event in seen[-1][1] if event["event"] == "ended"]
    assert reasons == ["gap", "gap"]


def test_a_frame_that_comes_twice_is_refused(bench: Any) -> None:
    """Frame numbers rise; the session goes on after the refusal."""
    world = bench.two_things()
    with bench.engine() as engine:
        list(bench.run(engine, [world.frame(0), world.frame(1)]))
        (again,) = engine.tick([world.frame(1)])
        (failure,) = again.failures
        assert failure.code == "frame_repeated"
        ((found, _),) = bench.run(engine, [world.frame(2)])
        assert found.tracker_id.tolist() == [1, 2]


def test_streams_have_sessions_of_their_own(bench: Any) -> None:
    """Two streams in one call; what ends one leaves the other, and its bytes are freed."""
    lab = bench.lab
    worlds = {"a": bench.two_things(), "b": lab.World((lab.Thing(lab.DISC, 3),), seed=102)}
    with bench.engine() as engine:
        ids = [
            [
                each.outputs["predictions"].tracker_id.tolist()
                for each in engine.tick(
                    [world.frame(number, name) for name, world in worlds.items()]
                )
            ]
            for number in range(3)
        ][-1]
        assert ids == [[1, 2], [1]]
        status = engine.tracker().status()
        one, other = status.sessions
        assert isinstance(one, SessionStatus)
        assert (one.tracks, other.tracks) == ((1, 2), (1,))
        assert one.nbytes == 2 * other.nbytes > 0
        engine.end_stream("a")
        assert engine.tracker().status().nbytes == other.nbytes
        (result,) = engine.tick([worlds["a"].frame(0, "a")])
        assert result.outputs["predictions"].tracker_id.tolist() == [3, 4], "ids are used up"


def test_tracks_are_removed_and_named_by_hand(bench: Any) -> None:
    """What needs no picture of the object works; a prompt by hand is refused, and says why."""
    world = bench.two_things()
    with bench.engine() as engine:
        list(bench.run(engine, [world.frame(0)]))
        control = engine.tracker()
        removed = control.remove("world", 1)
        named = control.rename("world", 2, "the blue one")
        prompted = control.prompt("world", box=(1, 1, 20, 20))
        ((found, events),) = bench.run(engine, [world.frame(1)])
        assert (removed.result(0), named.result(0)) == (1, 2)
        with pytest.raises(SessionError) as caught:
            prompted.result(0)
        assert caught.value.code == "no_prompts"
    assert 1 not in found.tracker_id.tolist()
    names = dict(zip(found.tracker_id.tolist(), found.data["class_name"].tolist(), strict=True))
    assert names[2] == "the blue one"
    assert ("ended", "removed") in [(event["event"], event["reason"]) for event in events]


def test_a_model_that_fails_leaves_the_session_as_it_was(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame on which the model fails is left out; the next one goes on with the same ids."""
    world = bench.two_things()
    with bench.engine() as engine:
        list(bench.run(engine, [world.frame(0), world.frame(1)]))
        model = bench.block(engine)._model.wrapped
        with monkeypatch.context() as broken:
            broken.setattr(model._planner, "plan", lambda *_: 1 / 0)
            (result,) = engine.tick([world.frame(2)])
        (failure,) = result.failures
        assert failure.code == "tracking_failed"
        ((found, _),) = bench.run(engine, [world.frame(3)])
        assert found.tracker_id.tolist() == [1, 2]


def known_id(lab: ModuleType, **changes: Any) -> dict[str, Any]:
    """The step under the id of existing documents."""
    return {"type": "roboflow_core/sam3_video@v1", **changes}


def test_a_known_document_finds_by_phrases(bench: Any) -> None:
    """The known id finds in its concept mode what trackwire's own finds."""
    world = bench.two_things()
    step = known_id(bench.lab, class_names=f"{bench.lab.DISC}, {bench.lab.SQUARE}")
    with bench.engine(step) as engine:
        seen = list(bench.run(engine, [world.frame(number) for number in range(3)]))
    assert seen[-1][0].tracker_id.tolist() == [1, 2]


def test_a_known_document_follows_points(bench: Any) -> None:
    """In its visual mode points begin a track on the video tracker, whose id stays."""
    lab = bench.lab
    world = bench.two_things()
    step = known_id(
        lab,
        tracking_mode="visual",
        visual_model_id="weights",
        points=[{"x": 24, "y": 20, "positive": True}, {"x": 72, "y": 60, "positive": False}],
        prompt_mode="every_n_frames",
        prompt_interval=3,
    )
    frames = [world.frame(number) for number in range(8)]
    with bench.engine(step) as engine:
        ids = [found.tracker_id.tolist() for found, _ in bench.run(engine, frames)]
    assert ids[0] == [1]
    assert {each for found in ids for each in found} == {1}


def test_the_command_line_finds_in_several_sources(bench: Any, tmp_path: Path) -> None:
    """A document on a folder of weights, phrases by --param, two folders of pictures."""
    lab = bench.lab
    worlds = {"a": bench.two_things(), "b": lab.World((lab.Thing(lab.DISC, 3),), seed=102)}
    for name, world in worlds.items():
        (tmp_path / name).mkdir()
        for number in range(4):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), world.render(number))
    document = bench.document(known_id(lab, model_id=str(bench.folder / "weights")))
    (tmp_path / "find.json").write_text(json.dumps(document))
    arguments = ["run", "find.json", "-s", "a", "-s", "b", "-o", "out", "--device", "cpu"]
    root, named = str(Path(__file__).parents[3]), json.dumps([lab.DISC, lab.SQUARE])
    done = subprocess.run(
        [sys.executable, "-m", "trackwire", *arguments, "-p", f"names={named}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ids = {}
    for name in worlds:
        lines = (tmp_path / "out" / name / "predictions.jsonl").read_text().splitlines()
        assert len(lines) == 4
        found = json.loads(lines[-1])["outputs"]["predictions"]["predictions"]
        ids[name] = [(each["tracker_id"], each["class"]) for each in found]
    assert ids == {"a": [(1, lab.DISC), (2, lab.SQUARE)], "b": [(1, lab.DISC)]}


def test_only_a_model_of_phrases_is_taken(bench: Any, tmp_path: Path) -> None:
    """Folders without a tokenizer or of another kind, and loaders, are refused with the cure."""
    (tmp_path / "config.json").write_text('{"model_type": "sam2_video"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    cases = {str(tmp_path): "model_type", "sam2video/tiny@256": "model_no_phrases"}
    for model_id, code in cases.items():
        with pytest.raises(ModelError) as caught:
            bench.engine({"model_id": model_id})
        assert caught.value.code == code
    (tmp_path / "config.json").write_text('{"model_type": "sam3_video"}')
    with pytest.raises(ModelError, match="tokenizer"):
        bench.engine({"model_id": str(tmp_path)})
    with pytest.raises(ModelError) as caught:
        bench.engine(model_loader=lambda _: object())
    assert caught.value.code == "model_no_phrases"


def test_weights_that_are_not_there_are_explained(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published weights are gated and not here: the error names the ways on."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError) as caught:
        bench.engine({"model_id": "somebody/who-has-no-weights-here"})
    assert caught.value.code == "model_not_downloaded"
    assert "video_tracker" in str(caught.value)
