"""A document that names things by phrases runs from the file to the tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trackwire.blocks import Frame, SessionStatus
from trackwire.pipeline import Engine
from trackwire.specs import ModelError, Resources, SessionError, compile_workflow

pytestmark = pytest.mark.timeout(600)  # whoever comes first waits for the model to learn


@dataclass(frozen=True)
class Bench:
    """A document on a local folder of weights that know two phrases."""

    lab: ModuleType
    folder: Path
    events: list[Any]

    def engine(self, step: dict[str, Any] | None = None, **resources: Any) -> Engine:
        """Open a document with one concept tracker, whose phrases are a batch input."""
        document = {
            "version": "1.0",
            "inputs": [
                {"type": "WorkflowImage", "name": "image"},
                {
                    "type": "WorkflowParameter",
                    "name": "names",
                    "kind": ["list_of_values"],
                    "default_value": list(self.lab.PHRASES),
                },
            ],
            "steps": [
                {
                    "type": "trackwire/concept_tracker@v1",
                    "name": "tracker",
                    "images": "$inputs.image",
                    "class_names": "$inputs.names",
                    "model_id": "weights",
                    "lost_after": 6,
                    **(step or {}),
                }
            ],
            "outputs": [
                {
                    "type": "JsonField",
                    "name": "predictions",
                    "selector": "$steps.tracker.predictions",
                },
                {"type": "JsonField", "name": "events", "selector": "$steps.tracker.events"},
            ],
        }
        given = Resources(
            base_directory=self.folder, device="cpu", outbox=self.events.append, **resources
        )
        return Engine(compile_workflow(document), given)


@pytest.fixture(scope="module")
def folder(concept_lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, configuration and tokenizer, as they lie in a repository."""
    place = tmp_path_factory.mktemp("concept")
    concept_lab.trained_module().save_pretrained(place / "weights")
    concept_lab.tokenizer().save_pretrained(place / "weights")
    return place


@pytest.fixture
def bench(concept_lab: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The document, in float32 whatever this CPU is quick at."""
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "float32")
    return Bench(concept_lab, folder, [])


def run(engine: Engine, frames: Sequence[Frame]) -> Iterator[tuple[Any, list[Any]]]:
    """Detections and events, one frame after the other."""
    for frame in frames:
        (result,) = engine.tick([frame])
        assert not result.failures, result.failures
        yield result.outputs["predictions"], result.outputs["events"]


def two_things(lab: ModuleType, **changes: Any) -> Any:
    """A disc, and a square that comes in later."""
    return lab.World(
        (lab.Thing(lab.DISC, 0), lab.Thing(lab.SQUARE, 1, shade=0.8, **changes)), seed=101
    )


def test_things_are_found_named_and_followed(bench: Bench) -> None:
    """What comes into sight becomes a track by itself, has its phrase's name, and keeps its id."""
    lab = bench.lab
    world = two_things(lab, first=4)
    with bench.engine() as engine:
        seen = list(run(engine, [world.frame(number) for number in range(16)]))
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


def test_what_leaves_is_lost_and_ends(bench: Bench) -> None:
    """A thing out of sight is not put out; after lost_after frames its track ends."""
    world = two_things(bench.lab, last=14)
    with bench.engine() as engine:
        seen = list(run(engine, [world.frame(number) for number in range(30)]))
        assert engine.tracker().status().tracks == 1
    kinds = [(event["event"], event["tracker_id"]) for _, events in seen for event in events]
    assert kinds[:2] == [("started", 1), ("started", 2)]
    assert ("lost", 2) in kinds
    assert kinds[-1] == ("ended", 2)
    assert seen[-1][0].tracker_id.tolist() == [1]


def test_nothing_found_is_an_empty_result_with_ids(bench: Bench) -> None:
    """An empty result has an integer array of ids and a mask of the frame's size."""
    world = bench.lab.World((), seed=3)
    with bench.engine() as engine:
        ((found, events),) = run(engine, [world.frame(0)])
    assert len(found) == 0
    assert found.tracker_id.dtype == np.int64
    assert found.mask.shape == (0, 72, 96)
    assert events == []


def phrases_of(bench: Bench, engine: Engine) -> Any:
    """The block, to give it other phrases than the document."""
    block: Any = engine._steps[0].block
    return block


def test_a_phrase_that_goes_ends_its_tracks_and_no_others(bench: Bench) -> None:
    """Phrases change from frame to frame: kept ones keep their ids, ids are never used again."""
    from trackwire.specs import Batch

    lab = bench.lab
    world = two_things(lab)
    with bench.engine() as engine:
        block = phrases_of(bench, engine)

        def tick(number: int, names: Any) -> Any:
            frame = world.frame(number)
            batch = Batch(("world",), {"images": [frame], "class_names": [names]})
            return block.run(batch)[0]

        list(run(engine, [world.frame(0), world.frame(1)]))
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
def test_a_gap_ends_tracks_or_not(bench: Bench, on_gap: str, ids: list[int]) -> None:
    """A new epoch of the same scene: all begins anew, or ids go on."""
    world = two_things(bench.lab)
    frames = [world.frame(number, epoch=number // 4) for number in range(8)]
    with bench.engine({"on_gap": on_gap}) as engine:
        seen = list(run(engine, frames))
    assert seen[-1][0].tracker_id.tolist() == ids
    ended = [each for _, events in seen for each in events if each["event"] == "ended"]
    assert [each["reason"] for each in ended] == ["gap"] * (0 if on_gap == "associate" else 2)


def test_another_scene_is_no_place_for_old_ids(bench: Bench) -> None:
    """Behind a cut nobody is taken for somebody else, also where tracks are kept over gaps."""
    lab = bench.lab
    before, after = two_things(lab), lab.World((lab.Thing(lab.SQUARE, 2),), seed=5)
    bright = Frame(255 - after.render(4), after.frame(4).video)
    with bench.engine() as engine:
        seen = list(run(engine, [*(before.frame(number) for number in range(4)), bright]))
    reasons = [event["reason"] for event in seen[-1][1] if event["event"] == "ended"]
    assert reasons == ["gap", "gap"]


def test_a_frame_that_comes_twice_is_refused(bench: Bench) -> None:
    """Frame numbers rise; the session goes on after the refusal."""
    world = two_things(bench.lab)
    with bench.engine() as engine:
        list(run(engine, [world.frame(0), world.frame(1)]))
        (again,) = engine.tick([world.frame(1)])
        (failure,) = again.failures
        assert failure.code == "frame_repeated"
        ((found, _),) = run(engine, [world.frame(2)])
        assert found.tracker_id.tolist() == [1, 2]


def test_streams_have_sessions_of_their_own(bench: Bench) -> None:
    """Two streams in one call; what ends one leaves the other, and its bytes are freed."""
    lab = bench.lab
    worlds = {"a": two_things(lab), "b": lab.World((lab.Thing(lab.DISC, 3),), seed=102)}
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


def test_tracks_are_removed_and_named_by_hand(bench: Bench) -> None:
    """What needs no picture of the object works; a prompt by hand is refused, and says why."""
    world = two_things(bench.lab)
    with bench.engine() as engine:
        list(run(engine, [world.frame(0)]))
        control = engine.tracker()
        removed = control.remove("world", 1)
        named = control.rename("world", 2, "the blue one")
        prompted = control.prompt("world", box=(1, 1, 20, 20))
        ((found, events),) = run(engine, [world.frame(1)])
        assert (removed.result(0), named.result(0)) == (1, 2)
        with pytest.raises(SessionError) as caught:
            prompted.result(0)
        assert caught.value.code == "no_prompts"
    assert 1 not in found.tracker_id.tolist()
    names = dict(zip(found.tracker_id.tolist(), found.data["class_name"].tolist(), strict=True))
    assert names[2] == "the blue one"
    assert ("ended", "removed") in [(event["event"], event["reason"]) for event in events]


def test_a_model_that_fails_leaves_the_session_as_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame on which the model fails is left out; the next one goes on with the same ids."""
    world = two_things(bench.lab)
    with bench.engine() as engine:
        list(run(engine, [world.frame(0), world.frame(1)]))
        model = phrases_of(bench, engine)._model.wrapped
        with monkeypatch.context() as broken:
            broken.setattr(model._planner, "plan", lambda *_: 1 / 0)
            (result,) = engine.tick([world.frame(2)])
        (failure,) = result.failures
        assert failure.code == "tracking_failed"
        ((found, _),) = run(engine, [world.frame(3)])
        assert found.tracker_id.tolist() == [1, 2]


def known_id(lab: ModuleType, **changes: Any) -> dict[str, Any]:
    """The step under the id of existing documents."""
    return {"type": "roboflow_core/sam3_video@v1", **changes}


def test_a_known_document_finds_by_phrases(bench: Bench) -> None:
    """The known id finds in its concept mode what trackwire's own finds."""
    world = two_things(bench.lab)
    step = known_id(bench.lab, class_names=f"{bench.lab.DISC}, {bench.lab.SQUARE}")
    with bench.engine(step) as engine:
        seen = list(run(engine, [world.frame(number) for number in range(3)]))
    assert seen[-1][0].tracker_id.tolist() == [1, 2]


def test_a_known_document_follows_points(bench: Bench) -> None:
    """In its visual mode points begin a track on the video tracker, whose id stays."""
    lab = bench.lab
    world = two_things(lab)
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
        ids = [found.tracker_id.tolist() for found, _ in run(engine, frames)]
    assert ids[0] == [1]
    assert {each for found in ids for each in found} == {1}


def test_only_a_model_of_phrases_is_taken(bench: Bench, tmp_path: Path) -> None:
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
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published weights are gated and not here: the error names the ways on."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError) as caught:
        bench.engine({"model_id": "somebody/who-has-no-weights-here"})
    assert caught.value.code == "model_not_downloaded"
    assert "video_tracker" in str(caught.value)
