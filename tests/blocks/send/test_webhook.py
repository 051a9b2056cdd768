"""Requests: what arrives, what is tried again, what is refused, and what is never told."""

from __future__ import annotations

import base64
import json
import logging
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from trackwire.blocks import Frame, build_detections
from trackwire.specs import BlockError, SpecificationError, compile_workflow

OpenBlock: TypeAlias = Callable[..., Any]
MakeFrame: TypeAlias = Callable[..., Frame]
HOOK = "roboflow_core/webhook_sink@v1"
ALLOWED = {"private_network": True}
WAIT_S = 20.0


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses before another try are as short as can be."""
    monkeypatch.setattr("trackwire.blocks.send.courier._FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("trackwire.blocks.send.courier._LONGEST_PAUSE_S", 0.001)


@pytest.fixture
def hook(open_block: OpenBlock, httpserver: HTTPServer) -> Callable[..., Any]:
    """Open a webhook that calls the local server and waits for the answer."""

    def make(**written: Any) -> Any:
        defaults = {
            "url": httpserver.url_for("/hook"),
            "method": "POST",
            "fire_and_forget": False,
            "cooldown_seconds": 0,
        }
        return open_block(HOOK, {**defaults, **written}, extras=ALLOWED)

    return make


def answers(httpserver: HTTPServer, *statuses: int, **headers: str) -> list[Request]:
    """Let the server answer with statuses in turn, the last one for ever; gives what arrives."""
    arrived: list[Request] = []

    def answer(request: Request) -> Response:
        arrived.append(request)
        request.get_data()
        return Response(status=statuses[min(len(arrived), len(statuses)) - 1], headers=headers)

    httpserver.expect_request("/hook").respond_with_handler(answer)
    return arrived


def test_json(hook: Callable[..., Any], httpserver: HTTPServer, make_frame: MakeFrame) -> None:
    """Values arrive as JSON, detections in their JSON form, after their operations."""
    arrived = answers(httpserver, 200)
    sink = hook(
        json_payload={"text": "a", "all": "$steps.m.p", "number": "$steps.m.p", "x": [1, {"y": 2}]},
        json_payload_operations={"number": [{"type": "SequenceLength"}], "other": []},
        headers={"X-Number": 7},
        query_parameters={"tag": ["a b", "c&d"], "on": True},
    )
    found = build_detections(make_frame(), [(1, 2, 5, 8)], tracker_id=[3], producer="t")
    payload = {"text": "a", "all": found, "number": found, "x": [1, {"y": np.float32(0.5)}]}
    assert sink.run(json_payload=payload) == {
        "error_status": False,
        "throttling_status": False,
        "message": f"delivered to localhost:{httpserver.port}",
    }
    (request,) = arrived
    body = request.get_json()
    assert request.method == "POST"
    assert (body["text"], body["number"], body["x"]) == ("a", 1, [1, {"y": 0.5}])
    assert body["all"]["predictions"][0]["tracker_id"] == 3
    assert request.headers["X-Number"] == "7"
    assert request.headers["Host"] == f"localhost:{httpserver.port}"
    assert request.args.to_dict(flat=False) == {"tag": ["a b", "c&d"], "on": ["True"]}


def test_get_and_put(hook: Callable[..., Any], httpserver: HTTPServer) -> None:
    """GET has no body; PUT without fields has an empty object. The URL's own query stays."""
    arrived = answers(httpserver, 204)
    url = httpserver.url_for("/hook") + "?a=1"
    for method in ("GET", "PUT"):
        told = hook(method=method, url=url, query_parameters={"b": 2, "none": "$inputs.n"}).run(
            query_parameters={"a": 2, "none": None}
        )
        assert told["error_status"] is False
    assert [request.method for request in arrived] == ["GET", "PUT"]
    assert [request.get_data() for request in arrived] == [b"", b"{}"]
    assert arrived[0].args.getlist("a") == ["1", "2"]
    assert "none" not in arrived[0].args


def test_forms(hook: Callable[..., Any], httpserver: HTTPServer) -> None:
    """Form fields arrive under their names, lists as fields of the same name."""
    arrived = answers(httpserver, 200)
    form = {"a": "ä&b", "n": 1.5, "many": [1, 2], "object": {"k": "v"}, "nothing": None}
    hook(form_data=form, form_data_operations={"a": [{"type": "StringToUpperCase"}]}).run()
    fields = arrived[0].form.to_dict(flat=False)
    assert fields == {"a": ["Ä&B"], "n": ["1.5"], "many": ["1", "2"], "object": ['{"k": "v"}']}


def test_files(hook: Callable[..., Any], httpserver: HTTPServer, make_frame: MakeFrame) -> None:
    """Files and form fields arrive as parts of one body; a picture is a JPEG."""
    import cv2

    arrived = answers(httpserver, 200)
    frame = make_frame()
    sink = hook(
        multi_part_encoded_files={"raw": "$steps.s.b", "picture": "$inputs.i", "made": "$inputs.i"},
        multi_part_encoded_files_operations={"made": [{"type": "ConvertImageToJPEG"}]},
        form_data={"id": 4},
    )
    told = sink.run(multi_part_encoded_files={"raw": b"\0\1", "picture": frame, "made": frame})
    assert told["error_status"] is False
    files = {name: file.read() for name, file in arrived[0].files.items()}
    assert files["raw"] == b"\0\1"
    assert arrived[0].files["raw"].filename == "raw"
    for name in ("picture", "made"):
        decoded = cv2.imdecode(np.frombuffer(files[name], np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        assert decoded.shape == frame.image.shape
    assert arrived[0].form["id"] == "4"
    arrived[0].close()


def test_what_json_cannot_hold(hook: Callable[..., Any], make_frame: MakeFrame) -> None:
    """A picture in a JSON body is an error that names the operation to use."""
    error = hook(json_payload={"picture": "$inputs.image"}).run(
        json_payload={"picture": make_frame()}
    )
    assert error.code == "not_json"
    assert "ConvertImageToBase64" in str(error)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(
    hook: Callable[..., Any], httpserver: HTTPServer, status: int
) -> None:
    """An overloaded server is asked again, as often as allowed."""
    arrived = answers(httpserver, status, status, 200, **{"Retry-After": "0"})
    assert hook(max_retries=2).run()["error_status"] is False
    assert len(arrived) == 3
    told = hook(max_retries=0).run()
    assert told["error_status"] is False
    assert len(arrived) == 4


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500])
def test_what_does_not_pass_is_not_tried_again(
    hook: Callable[..., Any], httpserver: HTTPServer, status: int
) -> None:
    """Another answer is final; redirects are not followed."""
    arrived = answers(httpserver, status, Location=httpserver.url_for("/other"))
    told = hook().run()
    assert told["error_status"] is True
    assert str(status) in told["message"]
    assert len(arrived) == 1


@pytest.mark.parametrize(("method", "tries"), [("POST", 1), ("GET", 2), ("PUT", 2)])
def test_a_silent_server(
    hook: Callable[..., Any], httpserver: HTTPServer, method: str, tries: int
) -> None:
    """Without an answer in time only what may arrive twice is sent again."""
    arrived, release = threading.Semaphore(0), threading.Event()

    def wait(request: Request) -> Response:
        arrived.release()
        release.wait(WAIT_S)
        return Response()

    httpserver.expect_request("/hook").respond_with_handler(wait)
    sink = hook(method=method, max_retries=1)
    told = sink.run(request_timeout=0.2)
    release.set()
    assert told["error_status"] is True
    assert "no answer" in told["message"]
    for _ in range(tries):
        assert arrived.acquire(timeout=WAIT_S)
    assert not arrived.acquire(blocking=False)


def test_nobody_there(hook: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port and an unknown name are told as what they are."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert "takes no connection" in hook(url=f"http://127.0.0.1:{port}/").run()["message"]

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "cannot be found" in hook(url="http://nowhere.invalid/").run()["message"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - called, not bound
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[2002:0a00:0001::]",
        "[64:ff9b::10.0.0.1]",
        "2130706433",
        "0x7f.1",
    ],
)
def test_private_addresses_are_refused(
    open_block: OpenBlock, httpserver: HTTPServer, host: str
) -> None:
    """However a private address is written, nothing is sent to it unless that is allowed."""
    arrived = answers(httpserver, 200)
    url = f"http://{host}:{httpserver.port}/hook"
    written = {"url": url, "method": "POST", "fire_and_forget": False}
    told = open_block(HOOK, written).run()
    assert told["error_status"] is True
    assert "private network" in told["message"] or "cannot be found" in told["message"]
    assert arrived == []


def _names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses; gives the names asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        if host[0].isdigit():
            return list(real(host, port, *rest, **options))
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr("trackwire.blocks.send.addresses.socket.getaddrinfo", look_up)
    return asked


def test_a_name_that_is_partly_private(
    open_block: OpenBlock, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One private address among the public ones is enough to refuse a name."""
    arrived = answers(httpserver, 200)
    _names(monkeypatch, "93.184.216.34", "127.0.0.1")
    url = f"http://hook.example:{httpserver.port}/hook"
    told = open_block(HOOK, {"url": url, "method": "GET", "fire_and_forget": False}).run()
    assert "private network" in told["message"]
    assert arrived == []


def test_the_address_that_was_checked_is_called(
    hook: Callable[..., Any], httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is looked up once; an address that takes no connection is followed by the next."""
    arrived = answers(httpserver, 200)
    asked = _names(monkeypatch, "127.0.0.2", "127.0.0.1")
    told = hook(url=f"http://hook.example:{httpserver.port}/hook").run()
    assert told["error_status"] is False, told
    assert asked == ["hook.example"]
    assert arrived[0].headers["Host"] == f"hook.example:{httpserver.port}"


def test_the_environment_can_allow_private_addresses(
    open_block: OpenBlock, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the workflow decides; proxies of the environment are not used."""
    arrived = answers(httpserver, 200)
    monkeypatch.setenv("TRACKWIRE_PRIVATE_NETWORK", "1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    written = {"url": httpserver.url_for("/hook"), "method": "GET", "fire_and_forget": False}
    assert open_block(HOOK, written).run()["error_status"] is False
    assert len(arrived) == 1
    refused = open_block(HOOK, written, extras={"private_network": False}).run()
    assert refused["error_status"] is True


SECRET = "hunter2"  # noqa: S105 - a made-up one


def test_secrets_come_from_the_environment(
    hook: Callable[..., Any], httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """References in the document become secrets; texts that arrive over wires stay as they are."""
    arrived = answers(httpserver, 200)
    monkeypatch.setenv("TRACKWIRE_SECRET_TOKEN", SECRET)
    reference = "${TRACKWIRE_SECRET_TOKEN}"
    sink = hook(
        url=httpserver.url_for("/hook") + f"?key={reference}",
        headers={"Authorization": f"Bearer {reference}", "X-Wired": "$inputs.x"},
        json_payload={"deep": [{"key": reference}], "wired": "$inputs.x"},
    )
    told = sink.run(
        headers={"Authorization": f"Bearer {reference}", "X-Wired": reference},
        json_payload={"deep": [{"key": reference}], "wired": reference},
    )
    assert told["error_status"] is False
    (request,) = arrived
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert request.headers["X-Wired"] == reference
    assert request.args["key"] == SECRET
    assert request.get_json() == {"deep": [{"key": SECRET}], "wired": reference}


@pytest.mark.parametrize(
    ("name", "code"), [("TRACKWIRE_SECRET_NONE", "secret_missing"), ("HOME", "secret_name")]
)
def test_secrets_that_cannot_be_read(hook: Callable[..., Any], name: str, code: str) -> None:
    """A variable that is not set, or not meant for documents, is an error when opening."""
    with pytest.raises(BlockError) as caught:
        hook(headers={"Authorization": f"${{{name}}}"})
    assert caught.value.code == code


@pytest.mark.parametrize("fire_and_forget", [True, False])
@pytest.mark.parametrize("status", [200, 302, 401, 503, None])
def test_credentials_are_never_told(
    hook: Callable[..., Any],
    httpserver: HTTPServer,
    caplog: pytest.LogCaptureFixture,
    status: int | None,
    fire_and_forget: bool,
) -> None:
    """Whatever happens, no message, event or log holds more of a request than its host."""
    caplog.set_level(logging.DEBUG)
    port = httpserver.port
    if status is None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
    else:
        answers(httpserver, status)
    sink = hook(
        url=f"http://user:{SECRET}@localhost:{port}/hook?key={SECRET}#{SECRET}",
        headers={"X-Key": SECRET},
        json_payload={"key": SECRET},
        max_retries=1,
        fire_and_forget=fire_and_forget,
    )
    told = sink.run()
    courier = sink.block._courier
    assert courier.wait_idle(WAIT_S)
    sink.block.close()
    everything = [repr(told), *map(repr, sink.events), *(repr(each.error) for each in sink.events)]
    everything += [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert SECRET not in "\n".join(everything)
    assert base64.b64encode(f"user:{SECRET}".encode()).decode() not in "\n".join(everything)
    if fire_and_forget:
        kinds = [event.kind for event in sink.events]
        assert kinds == ([] if status == 200 else ["webhook.failed"])


def test_names_and_passwords_in_the_url(hook: Callable[..., Any], httpserver: HTTPServer) -> None:
    """They are sent as basic authentication."""
    arrived = answers(httpserver, 200)
    hook(url=f"http://user:p%40ss@localhost:{httpserver.port}/hook").run()
    assert arrived[0].authorization is not None
    assert (arrived[0].authorization.username, arrived[0].authorization.password) == (
        "user",
        "p@ss",
    )


@pytest.mark.parametrize(
    "url", ["", "example.org", "ftp://example.org", "http://", "/etc/passwd", "\0"]
)
def test_urls_that_cannot_be_called(hook: Callable[..., Any], url: str) -> None:
    """What is no web address is an error that does not repeat it."""
    error = hook(url=url).run()
    assert error.code == "url_invalid"


@pytest.mark.parametrize("header", ["a\nb", "\u2603"])
def test_headers_that_cannot_be_sent(
    hook: Callable[..., Any], httpserver: HTTPServer, header: str
) -> None:
    """A header with a line break or a snowman is not sent, and adds no further header."""
    arrived = answers(httpserver, 200)
    told = hook(headers={"X-A": header}).run()
    assert told["error_status"] is True
    assert arrived == []


def test_the_cooldown_is_per_stream(hook: Callable[..., Any], httpserver: HTTPServer) -> None:
    """Within the cooldown nothing is sent about the same stream; others are not held back."""
    arrived = answers(httpserver, 200)
    now = [100.0]
    sink = hook(cooldown_seconds=5)
    sink.block._clock = lambda: now[0]
    assert [sink.run("a")["throttling_status"] for _ in range(2)] == [False, True]
    assert sink.run("b")["throttling_status"] is False
    now[0] += 4.9
    held_back = sink.run("a")
    assert (held_back["throttling_status"], held_back["error_status"]) == (True, False)
    now[0] += 0.1
    assert sink.run("a")["throttling_status"] is False
    assert len(arrived) == 3
    sink.block.end_stream("a")
    assert sink.run("a")["throttling_status"] is False


def test_parts_of_a_frame_share_the_cooldown(
    hook: Callable[..., Any], httpserver: HTTPServer
) -> None:
    """Of several crops in one batch the first is sent, the rest is held back; 0 sends all."""
    arrived = answers(httpserver, 200)
    told = hook(cooldown_seconds=5).run_all(("a", "a", "b"))
    assert [each["throttling_status"] for each in told] == [False, True, False]
    hook(cooldown_seconds=0).run_all(("a", "a"))
    assert len(arrived) == 4


def test_a_disabled_sink(hook: Callable[..., Any], httpserver: HTTPServer) -> None:
    """Nothing is sent, and no cooldown begins."""
    arrived = answers(httpserver, 200)
    sink = hook(cooldown_seconds=1000)
    told = sink.run(disable_sink=True)
    assert (told["error_status"], told["throttling_status"]) == (False, False)
    assert sink.run()["throttling_status"] is False
    assert len(arrived) == 1


@pytest.fixture
def gate(httpserver: HTTPServer) -> Iterator[tuple[threading.Event, threading.Semaphore]]:
    """A server that answers nobody before the gate opens, and counts who arrives."""
    opened, arrived = threading.Event(), threading.Semaphore(0)

    def wait(request: Request) -> Response:
        arrived.release()
        opened.wait(WAIT_S)
        return Response()

    httpserver.expect_request("/hook").respond_with_handler(wait)
    yield opened, arrived
    opened.set()


def test_the_background_is_bounded(hook: Callable[..., Any], gate: Any) -> None:
    """Frames never wait for the other side; beyond 64 requests are dropped, counted and told."""
    opened, arrived = gate
    sink = hook(fire_and_forget=True, request_timeout=20)
    assert sink.run()["error_status"] is False
    assert arrived.acquire(timeout=WAIT_S)
    told = [sink.run() for _ in range(70)]
    assert [each["error_status"] for each in told] == [False] * 63 + [True] * 7
    assert [event.kind for event in sink.events] == ["webhook.dropped"]
    assert sink.block._courier.dropped == 7
    opened.set()
    assert sink.block._courier.wait_idle(WAIT_S)
    for _ in range(63):
        assert arrived.acquire(timeout=WAIT_S)
    sink.block.close()
    assert not sink.block._courier._thread.is_alive()


def test_closing_sends_what_waits(hook: Callable[..., Any], httpserver: HTTPServer) -> None:
    """What was left to be sent is sent when the run ends, and the thread with it."""
    arrived = answers(httpserver, 200)
    sink = hook(fire_and_forget=True)
    for _ in range(9):
        sink.run()
    sink.block.close()
    assert len(arrived) == 9
    assert not sink.block._courier._thread.is_alive()
    assert sink.run()["error_status"] is True


def test_closing_does_not_wait_for_ever(hook: Callable[..., Any], gate: Any) -> None:
    """After the grace what still waits is dropped and told, and the thread ends by its timeout."""
    _, arrived = gate
    sink = hook(fire_and_forget=True, max_retries=10, method="GET")
    sink.block._courier._grace_s = 0.0
    for _ in range(5):
        sink.run(request_timeout=0.3)
    assert arrived.acquire(timeout=WAIT_S)
    sink.block.close()
    assert sink.block._courier.dropped == 4
    assert "webhook.dropped" in [event.kind for event in sink.events]
    assert not sink.block._courier._thread.is_alive()


def test_a_block_that_sent_nothing_has_no_thread(hook: Callable[..., Any]) -> None:
    """Opening and closing make no connection and no thread."""
    sink = hook(fire_and_forget=True)
    sink.block.close()
    assert sink.block._courier._thread is None


def test_one_body_only() -> None:
    """JSON beside a form is a mistake of the document, as one of them could not be sent."""
    step = {
        "type": HOOK,
        "name": "hook",
        "url": "https://example.org",
        "method": "POST",
        "json_payload": {"a": 1},
        "form_data": {"b": "$inputs.image"},
    }
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [step],
        "outputs": [{"type": "JsonField", "name": "m", "selector": "$steps.hook.message"}],
    }
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(json.dumps(document))
    assert [mistake.code for mistake in caught.value.mistakes] == ["invalid_value"]
    assert "one body" in caught.value.mistakes[0].message


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for ``hook.example`` that nobody but its reader trusts."""
    path = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example",
         "-keyout", str(path), "-out", str(tmp_path / "public.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    with path.open("a") as file:
        file.write((tmp_path / "public.pem").read_text())
    return path


def test_certificates_are_for_names(
    hook: Callable[..., Any], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although an address is called, the certificate must be trusted and be for the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(ssl_context=context) as server:
        arrived = answers(server, 200)
        _names(monkeypatch, "127.0.0.1")
        url = f"https://hook.example:{server.port}/hook"
        assert hook(url=url, max_retries=0).run()["error_status"] is True
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        told = hook(url=url, max_retries=0).run()
        assert told["error_status"] is False, told
        other = hook(url=f"https://other.example:{server.port}/hook", max_retries=0).run()
        assert other["error_status"] is True
    assert len(arrived) == 1
