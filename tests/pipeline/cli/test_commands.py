"""The commands around a run: help, version, validate, models, doctor."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackwire import __version__
from trackwire.pipeline.cli.app import app
from trackwire.pipeline.cli.checks import CHECKS

Call = Callable[..., subprocess.CompletedProcess[str]]
HEAVY = ("torch", "cv2", "av", "onnxruntime", "transformers", "supervision", "numpy")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str], environment: dict[str, str]) -> None:
    """Help answers at once, also where an optional library is broken."""
    script = (
        "import sys\n"
        f"sys.argv = ['trackwire', *{arguments!r}]\n"
        "from trackwire.pipeline.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as leave:\n    assert not leave.code, leave.code\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_the_version_is_that_of_the_package(trackwire: Call) -> None:
    """``python -m trackwire`` and the command are one program."""
    done = trackwire("--version")
    assert (done.returncode, done.stdout) == (0, f"trackwire {__version__}\n")


def test_no_arguments_show_the_help() -> None:
    """A first call without arguments teaches the commands; it is no success."""
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    for command in ("run", "validate", "models", "demo", "doctor"):
        assert command in result.output


@pytest.mark.parametrize(
    "arguments", [["walk"], ["run"], ["run", "x"], ["run", "x", "-s", "y", "--on-error", "pray"]]
)
def test_a_wrong_call_leaves_with_two(arguments: list[str]) -> None:
    """Scripts can tell a wrong call from a failed run."""
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize("name", ["track-moving-objects", "track-detections", "detect-and-track"])
def test_ready_made_workflows_are_valid(name: str) -> None:
    """Every name of the library compiles."""
    result = CliRunner().invoke(app, ["validate", name])
    assert result.exit_code == 0, result.output
    assert "valid" in result.output


def test_validate_lists_every_mistake_on_standard_error(trackwire: Call) -> None:
    """All mistakes at once, no traceback, nothing on standard output."""
    document = {"inputs": [], "steps": [{"type": "nowhere/block@v1"}], "outputs": [{}]}
    done = trackwire("validate", "-", stdin=json.dumps(document))
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    for path in ("$.version", "$.steps[0].type", "$.steps[0].name", "$.outputs[0].selector"):
        assert path in done.stderr


def test_text_that_is_no_json_is_a_wrong_specification(trackwire: Call) -> None:
    """Standard input is read, and what is wrong with it is said."""
    done = trackwire("validate", "-", stdin="not json")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(trackwire: Call) -> None:
    """Whoever asks for it sees where an error comes from."""
    done = trackwire("--debug", "validate", "nowhere")
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_models_lists_the_catalog_for_people_and_programs() -> None:
    """The embedded model is on disk and runs; others say what they need."""
    result = CliRunner().invoke(app, ["models", "--json"])
    rows = {row["model_id"]: row for row in json.loads(result.stdout)}
    assert rows["lite"]["on_disk"]
    assert rows["lite"]["runs_here"]
    assert rows["sam2video/small"]["needs"] == "sam"
    assert rows["hub:PekingU/rtdetr_v2_r18vd"]["needs"] == "hub"
    assert rows["yolov8n-640"]["licence"] == "AGPL-3.0"
    kinds = {row["kind"] for row in rows.values()}
    assert kinds == {"tracker", "concept_tracker", "detector"}
    assert rows["sam3video"]["gated"]
    table = CliRunner().invoke(app, ["models"]).stdout
    assert all(model_id in table for model_id in rows)


def test_models_tells_what_is_on_disk_and_what_is_lacking(no_weights: Path) -> None:
    """Without the hub's client nobody knows what was downloaded, and nothing else is claimed."""
    rows = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)
    known = find_spec("huggingface_hub") is not None
    of_packages = [row for row in rows if row["kind"] == "detector" and row["needs"] is None]
    assert {row["on_disk"] for row in of_packages} == {None}
    assert all(row["runs_here"] is (row["why_not"] is None) for row in of_packages)
    rows = [row for row in rows if row not in of_packages]
    assert {row["on_disk"] for row in rows[1:]} == {False if known else None}
    for row in rows:
        packages = [*(("torch", "transformers") if row["needs"] else ()), *row["also_needs"]]
        lacking = [name for name in packages if find_spec(name) is None]
        assert row["why_not"] == (f"lacks {lacking[0]}" if lacking else None), row["model_id"]
        assert row["runs_here"] is (not lacking)
    table = CliRunner().invoke(app, ["models"]).stdout
    assert table.count("unknown") == (len(of_packages) if known else len(of_packages + rows) - 1)
    assert "gated" in table
    assert "pip install 'trackwire[sam]'" in table


def test_the_doctor_finds_this_machine_fit() -> None:
    """Where the tests run, workflows run; the tracker was really tried."""
    result = CliRunner().invoke(app, ["doctor", "--json"])
    findings = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 0, result.output
    assert findings["tracker"]["status"] == "ok"
    assert findings["codecs"]["status"] == "ok"


def test_the_doctor_fails_with_a_way_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation is exit code 1 and a hint, never a traceback."""
    monkeypatch.setattr("av.codecs_available", frozenset())

    def broken() -> None:
        raise ImportError("libthing.so.1 is missing")

    monkeypatch.setitem(CHECKS, "tracker", broken)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "libx264" in result.output
    assert "to mend:" in result.output
    assert "libthing.so.1" in result.output


def test_the_doctor_warns_of_two_opencv_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wheels in one folder break each other silently; the doctor names them."""
    monkeypatch.setattr("trackwire.pipeline.cli.checks._is_installed", bool)
    (first, *_) = CHECKS["opencv"]()
    assert first.status == "warning"
    assert first.fix is not None
    assert "pip uninstall -y opencv-python" in first.fix
