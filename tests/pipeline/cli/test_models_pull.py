"""``trackwire models pull``: weights come from a hub once, and are found from then on."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner
from werkzeug import Request, Response

from trackwire.pipeline.cli.app import app

Call = Callable[..., subprocess.CompletedProcess[str]]
REPOSITORY = "owner/detector"
COMMIT = "c" * 40


class Hub:
    """A server that answers the hub's own client, with one repository."""

    def __init__(self, server: HTTPServer, files: dict[str, bytes]) -> None:
        self.files = files
        self.fetched: list[str] = []
        self.gated = False
        self.broken: set[str] = set()
        self.url = server.url_for("").rstrip("/")
        server.expect_request("/", method="GET").respond_with_data("")
        for path, handler in (
            (f"/api/models/{REPOSITORY}/revision/main", self._info),
            (f"/api/models/{REPOSITORY}/revision/v9", self._unknown),
            (f"/api/models/{REPOSITORY}/tree/{COMMIT}", self._tree),
        ):
            server.expect_request(path).respond_with_handler(handler)
        for name in files:
            for revision in ("main", COMMIT):
                path = f"/{REPOSITORY}/resolve/{revision}/{name}"
                server.expect_request(path).respond_with_handler(self._file)

    def _info(self, _request: Request) -> Response:
        siblings = [{"rfilename": name} for name in self.files]
        return self._json({"id": REPOSITORY, "sha": COMMIT, "siblings": siblings})

    def _unknown(self, _request: Request) -> Response:
        return Response("", 404, headers={"X-Error-Code": "RevisionNotFound"})

    def _tree(self, _request: Request) -> Response:
        return self._json(
            [
                {
                    "type": "file",
                    "path": name,
                    "size": len(content),
                    "oid": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
                }
                for name, content in self.files.items()
            ]
        )

    def _file(self, request: Request) -> Response:
        if self.gated:
            return Response("", 403, headers={"X-Error-Code": "GatedRepo"})
        name = request.path.rsplit("/", 1)[-1]
        if name in self.broken:
            return Response("", 403)
        content = self.files[name]
        if request.method == "GET":
            self.fetched.append(name)
        tag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{tag}"', "Accept-Ranges": "none"}
        return Response(content, headers=headers)

    @staticmethod
    def _json(value: Any) -> Response:
        return Response(json.dumps(value), content_type="application/json")


@pytest.fixture
def make_hub(
    httpserver: HTTPServer, tmp_path: Path, environment: dict[str, str]
) -> Callable[..., Hub]:
    """Start a hub with a repository of one model, and point the client of child processes at it."""
    pytest.importorskip("huggingface_hub", reason="the extra 'hub' is not installed")
    pytest.importorskip("torch", reason="the extra 'hub' is not installed")

    def make(model_type: str = "rt_detr") -> Hub:
        files = {
            "config.json": json.dumps({"model_type": model_type}).encode(),
            "preprocessor_config.json": b"{}",
            "model.safetensors": b"weights" * 1000,
            "pytorch_model.bin": b"never asked for",
        }
        hub = Hub(httpserver, files)
        environment.update(
            {
                "HF_ENDPOINT": hub.url,
                "HF_HOME": str(tmp_path / "home"),
                "HF_HUB_DISABLE_XET": "1",
                "HF_HUB_DISABLE_TELEMETRY": "1",
            }
        )
        for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE"):
            environment.pop(name, None)
        return hub

    return make


@pytest.mark.parametrize("prefix", ["hub:", ""])
def test_weights_are_downloaded_once(
    make_hub: Callable[..., Hub], trackwire: Call, prefix: str
) -> None:
    """The first call fetches, the second says that they are there; other formats stay away."""
    hub = make_hub()
    first = trackwire("models", "pull", f"{prefix}{REPOSITORY}")
    assert first.returncode == 0, first.stderr
    assert "downloaded, 0.0 MB in" in first.stdout
    assert sorted(hub.fetched) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    folder = Path(first.stdout.split(" in ", 1)[1].strip())
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    again = trackwire("models", "pull", f"{prefix}{REPOSITORY}")
    assert "on this machine already" in again.stdout
    assert len(hub.fetched) == 3


def test_of_a_model_that_is_no_detector_only_its_kind_is_fetched(
    make_hub: Callable[..., Hub], trackwire: Call
) -> None:
    """Nobody waits for gigabytes that cannot be used."""
    hub = make_hub("llama")
    done = trackwire("models", "pull", f"hub:{REPOSITORY}")
    assert done.returncode == 1
    assert "'llama'" in done.stderr
    assert "[detector_type]" in done.stderr
    assert hub.fetched == ["config.json"]


def test_a_gate_is_told(make_hub: Callable[..., Hub], trackwire: Call) -> None:
    """The error says where to accept the licence."""
    make_hub().gated = True
    done = trackwire("models", "pull", f"hub:{REPOSITORY}")
    assert done.returncode == 1
    assert "[model_gated]" in done.stderr
    assert "HF_TOKEN" in done.stderr


def test_offline_is_told(
    make_hub: Callable[..., Hub], trackwire: Call, environment: dict[str, str]
) -> None:
    """What is there is found without a network, what is not is an error."""
    make_hub()
    environment["HF_HUB_OFFLINE"] = "1"
    done = trackwire("models", "pull", f"hub:{REPOSITORY}")
    assert done.returncode == 1
    assert "[model_not_downloaded]" in done.stderr
    del environment["HF_HUB_OFFLINE"]
    assert trackwire("models", "pull", f"hub:{REPOSITORY}").returncode == 0
    environment["HF_HUB_OFFLINE"] = "1"
    assert "already" in trackwire("models", "pull", f"hub:{REPOSITORY}").stdout


def test_without_a_network_it_ends_at_once_and_leaves_nothing(
    make_hub: Callable[..., Hub], trackwire: Call, environment: dict[str, str], tmp_path: Path
) -> None:
    """One error says what to do; no retries fill the screen, no file claims to be a model."""
    make_hub()
    environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    for prefix in ("hub:", ""):
        done = trackwire("models", "pull", f"{prefix}{REPOSITORY}")
        assert done.returncode == 1
        assert "[model_not_downloaded]" in done.stderr
        assert "huggingface.co" in done.stderr
        assert "Retrying" not in done.stderr
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


@pytest.mark.parametrize("prefix", ["hub:", ""])
def test_a_download_that_broke_off_is_no_model_and_is_taken_up_again(
    make_hub: Callable[..., Hub], trackwire: Call, environment: dict[str, str], prefix: str
) -> None:
    """Weights that never came are not called a model in another format."""
    hub = make_hub()
    hub.broken.add("model.safetensors")
    done = trackwire("models", "pull", f"{prefix}{REPOSITORY}")
    assert done.returncode == 1
    assert "[model_not_downloaded]" in done.stderr
    environment["HF_HUB_OFFLINE"] = "1"
    done = trackwire("models", "pull", f"{prefix}{REPOSITORY}")
    assert "[model_not_downloaded]" in done.stderr
    del environment["HF_HUB_OFFLINE"]
    hub.broken.clear()
    done = trackwire("models", "pull", f"{prefix}{REPOSITORY}")
    assert "downloaded, 0.0 MB in" in done.stdout


def test_a_revision_that_is_not_there_is_told(
    make_hub: Callable[..., Hub], trackwire: Call
) -> None:
    """The network is not to blame."""
    make_hub()
    done = trackwire("models", "pull", f"hub:{REPOSITORY}@v9")
    assert done.returncode == 1
    assert "[model_not_found]" in done.stderr
    assert "branch, tag or commit" in done.stderr


@pytest.mark.parametrize(
    ("model_id", "code", "words"),
    [
        ("lite", 0, "part of this install"),
        ("onnx:nowhere.onnx", 1, "model_not_found"),
        ("sam2video/smal", 1, "model_unknown"),
        ("rfdetr-giant", 1, "rfdetr-large"),
    ],
)
def test_other_ids_are_answered_without_a_download(model_id: str, code: int, words: str) -> None:
    """Each id gets an answer that fits it."""
    done = CliRunner().invoke(app, ["models", "pull", model_id])
    assert done.exit_code == code
    assert words in done.output


def test_a_file_and_a_folder_are_there_already(tmp_path: Path, trackwire: Call) -> None:
    """Local models need no download, and their size is told."""
    (tmp_path / "people.onnx").write_bytes(bytes(2_000_000))
    done = trackwire("models", "pull", "onnx:people.onnx")
    assert "already, 2.0 MB in people.onnx" in done.stdout
