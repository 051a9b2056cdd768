"""What the tests of models share: a workflow on weights that know two phrases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trackwire.blocks import Frame
from trackwire.pipeline import Engine
from trackwire.specs import Resources, compile_workflow


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
