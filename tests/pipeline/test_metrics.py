"""Metrics of a real run, scraped over HTTP and read by Prometheus' own parser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from trackwire import InferencePipeline
from trackwire.pipeline.metrics import TOKEN_VARIABLE, MetricsServer, parse_address
from trackwire.specs import SinkError

DEADLINE_S = 30


@pytest.fixture
def running() -> Iterator[InferencePipeline]:
    """A pipeline whose sink has had 20 frames and waits for the test to be done."""
    reached, done = threading.Event(), threading.Event()

    def sink(_predictions: Any, frame: Any) -> None:
        if frame.video.frame_number == 19:
            reached.set()
            assert done.wait(DEADLINE_S)

    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {"type": "trackwire/motion_detection@v1", "name": "motion", "images": "$inputs.image"}
        ],
        "outputs": [
            {"type": "JsonField", "name": "found", "selector": "$steps.motion.predictions"}
        ],
    }
    pipeline = InferencePipeline.init_with_workflow(
        "synthetic:crossing?frames=20&size=160x120", document, sink, video_identifiers=["yard"]
    )
    pipeline.start(use_main_thread=False)
    assert reached.wait(DEADLINE_S)
    yield pipeline
    done.set()
    pipeline.join(DEADLINE_S)


def scrape(server: MetricsServer, **options: Any) -> dict[tuple[str, ...], float]:
    """Get all samples by name and the values of their labels, in the order of the labels' names."""
    answer = httpx.get(server.url, **options)
    answer.raise_for_status()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_frames_steps_and_rates_are_told(running: InferencePipeline) -> None:
    """Counts are those of the run, and every step and sink has its own samples."""
    with closing(MetricsServer(running.status, port=0)) as server:
        samples = scrape(server)
    assert samples["trackwire_frames_total", "decoded", "yard"] == 20
    assert samples["trackwire_frames_total", "processed", "yard"] == 20
    assert samples["trackwire_step_elements_total", "processed", "motion"] == 20
    assert samples["trackwire_step_seconds", "0.95", "motion"] > 0
    assert samples["trackwire_sink_results_total", "delivered", "0-sink"] == 19
    assert samples["trackwire_source_latency_seconds", "0.5", "yard"] > 0
    assert samples["process_resident_memory_bytes",] > 2**20


def test_others_need_the_token(running: InferencePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reachable by others it is refused without a token, and answers only those who send it."""
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with pytest.raises(SinkError, match=TOKEN_VARIABLE):
        MetricsServer(running.status, "0.0.0.0", 0)  # noqa: S104 - that is what is tested
    monkeypatch.setenv(TOKEN_VARIABLE, "open sesame")
    with closing(MetricsServer(running.status, port=0)) as server:
        assert httpx.get(server.url).status_code == 401
        assert httpx.get(server.url.replace("/metrics", "/")).status_code == 404
        assert scrape(server, headers={"Authorization": "Bearer open sesame"})


def test_a_taken_port_is_said(running: InferencePipeline) -> None:
    """A port that somebody else has is an error with the way on."""
    server = MetricsServer(running.status, port=0)
    with closing(server), pytest.raises(SinkError, match="choose another port"):
        MetricsServer(running.status, port=server.port)


@pytest.mark.parametrize(
    ("text", "address"),
    [("9464", ("127.0.0.1", 9464)), (":1", ("127.0.0.1", 1)), ("[::1]:80", ("::1", 80))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    """Port, host and port, and IPv6 are read."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:99999", "host:x"])
def test_bad_addresses(text: str) -> None:
    """What is no address is refused."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)
