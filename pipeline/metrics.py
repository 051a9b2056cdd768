"""The state of a running pipeline for Prometheus, over HTTP."""

from __future__ import annotations

import hmac
import ipaddress
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from trackwire.specs import SinkError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from .status import PipelineStatus

__all__ = ["TOKEN_VARIABLE", "MetricsServer", "parse_address"]

TOKEN_VARIABLE: Final = "TRACKWIRE_METRICS_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable with the token that clients must send where others can reach the server."""

_TIMEOUT_S: Final = 5.0
_STATES: Final = ("opening", "running", "reconnecting", "paused", "muted", "ended", "failed")


def parse_address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``:PORT`` or ``PORT``; without a host it is loopback.

    Raises:
        ValueError: It is neither, or the port is out of range.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"an address is HOST:PORT with a port up to 65535, found {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


class MetricsServer:
    """Serves ``/metrics`` in Prometheus' text format, from a thread of its own.

    The status is asked for at each request, so that running costs nothing in between. On an
    address that others can reach, requests must carry ``Authorization: Bearer TOKEN``.

    Args:
        status: Gives the status of the pipeline.
        host: Address to listen on.
        port: Port; 0 takes a free one, see :attr:`port`.
        token: What requests must carry; None for the environment's :data:`TOKEN_VARIABLE`.

    Raises:
        SinkError: The port is taken, or others could reach the server and there is no token.
    """

    def __init__(
        self,
        status: Callable[[], PipelineStatus],
        host: str = "127.0.0.1",
        port: int = 9464,
        *,
        token: str | None = None,
    ) -> None:
        from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

        token = token or os.environ.get(TOKEN_VARIABLE)
        if token is None and not _is_loopback(host):
            raise SinkError(
                f"metrics on {host} could be read by others: set {TOKEN_VARIABLE} to a secret and "
                "have clients send it as 'Authorization: Bearer ...', or listen on 127.0.0.1",
                code="metrics_token",
            )
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Collector(status))
        try:
            self._server = make_server(
                host, port, _guarded(make_wsgi_app(registry), token), _Server, _Handler
            )
        except OSError as error:
            raise SinkError(
                f"metrics cannot be served on {host}:{port}: {error.strerror or error}; "
                "choose another port",
                code="metrics_address",
            ) from error
        self.host, self.port = host, self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="trackwire-metrics",
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop serving and free the port; again does nothing."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(WSGIServer):
    allow_reuse_address = True


class _Handler(WSGIRequestHandler):
    timeout = _TIMEOUT_S  # a client that says nothing must not hold up the next one

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: a scrape every few seconds is no news."""


def _guarded(app: Callable[..., Iterable[bytes]], token: str | None) -> Callable[..., Any]:
    """Let requests through that ask for ``/metrics`` and carry the token."""

    def guard(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"metrics are at /metrics\n"]
        sent = environ.get("HTTP_AUTHORIZATION", "")
        # Compared in constant time, so that the answer's delay tells nothing about the token.
        if token is not None and not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
            headers = [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")]
            start_response("401 Unauthorized", headers)
            return [b"send Authorization: Bearer TOKEN\n"]
        return app(environ, start_response)

    return guard


class _Collector:
    """Turns a status into metrics when a client asks."""

    def __init__(self, status: Callable[[], PipelineStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the moment."""
        status = self._status()
        yield from _source_metrics(status)
        yield from _sink_metrics(status)
        yield from _workflow_metrics(status)


def _source_metrics(status: PipelineStatus) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    frames = CounterMetricFamily(
        "trackwire_frames", "Frames of a source by what became of them.", labels=("stream", "fate")
    )
    reconnects = CounterMetricFamily(
        "trackwire_source_reconnects", "Times a source was lost and came back.", labels=("stream",)
    )
    errors = CounterMetricFamily(
        "trackwire_source_errors", "Errors a source raised.", labels=("stream",)
    )
    rates = GaugeMetricFamily(
        "trackwire_source_fps", "Frames per second, lately.", labels=("stream", "direction")
    )
    latency = GaugeMetricFamily(
        "trackwire_source_latency_seconds",
        "Age of a frame when the workflow is done with it.",
        labels=("stream", "quantile"),
    )
    state = GaugeMetricFamily(
        "trackwire_source_state", "1 for the state a source is in.", labels=("stream", "state")
    )
    for source in status.sources:
        stream = source.video_identifier
        frames.add_metric((stream, "decoded"), source.decoded)
        frames.add_metric((stream, "processed"), source.processed)
        frames.add_metric((stream, "failed"), source.failed)
        for cause, count in source.drops.items():
            frames.add_metric((stream, f"dropped_{cause}"), count)
        reconnects.add_metric((stream,), source.reconnects)
        errors.add_metric((stream,), source.errors)
        for direction, fps in (("in", source.fps_in), ("out", source.fps_out)):
            if fps is not None:
                rates.add_metric((stream, direction), fps)
        for quantile, age_ms in (("0.5", source.latency_p50_ms), ("0.95", source.latency_p95_ms)):
            if age_ms is not None:
                latency.add_metric((stream, quantile), age_ms / 1000)
        for name in _STATES:
            state.add_metric((stream, name), float(source.state == name))
    yield from (frames, reconnects, errors, rates, latency, state)


def _sink_metrics(status: PipelineStatus) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    results = CounterMetricFamily(
        "trackwire_sink_results",
        "Results of a sink by their fate.",
        labels=("sink", "fate"),
    )
    queued = GaugeMetricFamily(
        "trackwire_sink_queue", "Results that wait for a sink.", labels=("sink",)
    )
    age = GaugeMetricFamily(
        "trackwire_sink_age_seconds", "Age of a frame at a sink.", labels=("sink", "quantile")
    )
    for position, sink in enumerate(status.sinks):
        name = f"{position}-{sink.name}"
        results.add_metric((name, "delivered"), sink.delivered)
        results.add_metric((name, "failed"), sink.failed)
        for cause, count in sink.drops.items():
            results.add_metric((name, f"dropped_{cause}"), count)
        queued.add_metric((name,), sink.queued)
        for quantile, age_ms in (("0.5", sink.age_p50_ms), ("0.95", sink.age_p95_ms)):
            if age_ms is not None:
                age.add_metric((name, quantile), age_ms / 1000)
    yield from (results, queued, age)


def _workflow_metrics(status: PipelineStatus) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    yield CounterMetricFamily("trackwire_ticks", "Runs of the workflow.", value=status.ticks)
    calls = CounterMetricFamily(
        "trackwire_step_elements", "Elements of a step by fate.", labels=("step", "fate")
    )
    duration = GaugeMetricFamily(
        "trackwire_step_seconds", "Duration of a step's calls.", labels=("step", "quantile")
    )
    for step in status.steps:
        calls.add_metric((step.name, "processed"), step.elements)
        calls.add_metric((step.name, "skipped"), step.skipped)
        calls.add_metric((step.name, "failed"), step.failed)
        for quantile, took_ms in (("0.5", step.p50_ms), ("0.95", step.p95_ms)):
            if took_ms is not None:
                duration.add_metric((step.name, quantile), took_ms / 1000)
    sessions = GaugeMetricFamily("trackwire_sessions", "Streams tracked.", labels=("step",))
    tracks = GaugeMetricFamily("trackwire_tracks", "Live tracks.", labels=("step",))
    held = GaugeMetricFamily(
        "trackwire_session_bytes", "Bytes of trackers' memory.", labels=("step",)
    )
    for tracker in status.trackers:
        sessions.add_metric((tracker.step,), len(tracker.sessions))
        tracks.add_metric((tracker.step,), tracker.tracks)
        held.add_metric((tracker.step,), tracker.nbytes)
    yield from (calls, duration, sessions, tracks, held)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
