"""What the tests of models share: a workflow on weights that know two phrases, and a census."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trackwire.blocks import Frame
from trackwire.pipeline import Engine
from trackwire.specs import Resources, compile_workflow


class LiveTensors:
    """The tensors that came into being during a test.

    Those of earlier tests do not count: some of them go later than others.
    """

    def __init__(self) -> None:
        self._older = {id(each): weakref.ref(each) for each in _alive()}

    def count(self) -> int:
        """How many of them somebody still holds."""
        return sum(not self._is_older(each) for each in _alive())

    def _is_older(self, tensor: Any) -> bool:
        older = self._older.get(id(tensor))
        return older is not None and older() is tensor


def _alive() -> list[Any]:
    import torch

    gc.collect()
    return [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]


@pytest.fixture
def live_tensors() -> LiveTensors:
    """A count of tensors that begins with the test."""
    pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")
    return LiveTensors()


@dataclass(frozen=True)
class Bench:
    """A document on a local folder of weights that know two phrases."""

    lab: ModuleType
    folder: Path
    events: list[Any]

    def document(self, step: dict[str, Any] | None = None) -> dict[str, Any]:
        """A document with one concept tracker, whose phrases are a parameter."""
        return {
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

    def engine(self, step: dict[str, Any] | None = None, **resources: Any) -> Engine:
        """Open the document."""
        document = self.document(step)
        given = Resources(
            base_directory=self.folder, device="cpu", outbox=self.events.append, **resources
        )
        return Engine(compile_workflow(document), given)

    def block(self, engine: Engine) -> Any:
        """The tracker's block, to give it other phrases than the document."""
        return engine._steps[0].block

    def run(self, engine: Engine, frames: Sequence[Frame]) -> Iterator[tuple[Any, list[Any]]]:
        """Detections and events, one frame after the other."""
        for frame in frames:
            (result,) = engine.tick([frame])
            assert not result.failures, result.failures
            yield result.outputs["predictions"], result.outputs["events"]

    def two_things(self, **changes: Any) -> Any:
        """A disc, and a square that may come in later and leave."""
        lab = self.lab
        return lab.World(
            (lab.Thing(lab.DISC, 0), lab.Thing(lab.SQUARE, 1, shade=0.8, **changes)), seed=101
        )


@pytest.fixture(scope="session")
def concept_folder(concept_lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, configuration and tokenizer, as they lie in a repository."""
    place = tmp_path_factory.mktemp("concept")
    concept_lab.trained_module().save_pretrained(place / "weights")
    concept_lab.tokenizer().save_pretrained(place / "weights")
    return place


@pytest.fixture
def bench(concept_lab: ModuleType, concept_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The document, in float32 whatever this CPU is quick at."""
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "float32")
    return Bench(concept_lab, concept_folder, [])
