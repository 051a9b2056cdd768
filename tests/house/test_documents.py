"""What the documents say is true: commands exist, links lead somewhere, examples run."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from trackwire.pipeline.cli.app import app
from trackwire.pipeline.run_report import RunOutcome, RunReport
from trackwire.specs import compile_workflow, default_registry, load_library

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"))
)
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
LARGEST = 5_000_000


def _text(document: str) -> str:
    return (REPOSITORY / document).read_text(encoding="utf-8")


def _blocks(language: str) -> list[tuple[str, str]]:
    """Fenced blocks with exactly this info string, as (where, text)."""
    return [
        (f"{document}:{text.count(chr(10), 0, match.start()) + 1}", match[2])
        for document in DOCUMENTS
        for text in [_text(document)]
        for match in FENCE.finditer(text)
        if match[1].strip() == language
    ]


def _commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """Calls of a program in the shell examples of all documents, as (where, arguments)."""
    for where, block in _blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == program:
                yield where, words[1:]


def _anchor(heading: str) -> str:
    """The fragment under which a heading is shown: lower case, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """A relative link names a file that exists, and a heading in it."""
    text = FENCE.sub("", _text(document))
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        path = (REPOSITORY / document).parent / name if name else REPOSITORY / document
        if not path.exists():
            broken.append(target)
        elif fragment and path.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            if fragment not in {_anchor(heading) for heading in headings}:
                broken.append(target)
    assert not broken


def test_make_targets_exist() -> None:
    """Every ``make`` target that a document names is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", _text("Makefile"), re.MULTILINE))
    named = {
        (document, target)
        for document in DOCUMENTS
        for target in re.findall(r"(?:^|`)make ([a-z]+)", _text(document), re.MULTILINE)
    }
    assert named
    assert not [pair for pair in named if pair[1] not in targets]


def test_the_first_screen_has_the_two_commands() -> None:
    """``make demo`` and ``make test`` stand where nobody has to scroll for them."""
    first_screen = "\n".join(_text("README.md").splitlines()[:40])
    assert "make demo" in first_screen
    assert "make test" in first_screen


@pytest.mark.parametrize(
    ("where", "arguments"), [pytest.param(*call, id=call[0]) for call in _commands("trackwire")]
)
def test_commands_and_options_exist(where: str, arguments: list[str]) -> None:
    """A ``trackwire`` command in a document has the options the document gives it."""
    group = get_command(app)
    context = typer.Context(group)
    names = [word for word in arguments if not word.startswith("-")]
    command = group.get_command(context, names[0]) if names else group  # type: ignore[attr-defined]
    assert command is not None, f"{where}: no command {names[0]}"
    known = {"--help", "-h"} | {option for each in command.params for option in each.opts}
    used = {word.partition("=")[0] for word in arguments if word.startswith("-") and word != "-"}
    assert used <= known, f"{where}: unknown {sorted(used - known)}"


@pytest.mark.parametrize(
    ("where", "text"),
    [
        pytest.param(*block, id=block[0])
        for block in _blocks("json")
        if '"steps"' in block[1] and '"inputs"' in block[1]
    ],
)
def test_workflows_compile(where: str, text: str) -> None:
    """A workflow shown in a document is one that compiles."""
    assert compile_workflow(json.loads(text), require_parameters=False).steps, where


@pytest.mark.parametrize(
    ("where", "text"),
    [pytest.param(*b, id=b[0]) for b in (*_blocks("python"), *_blocks("python run"))],
)
def test_imports_in_examples_exist(where: str, text: str) -> None:
    """Examples parse, and what they import from Trackwire is there."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trackwire"):
            module = import_module(node.module or "")
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert not missing, f"{where}: {node.module} has no {missing}"


@pytest.mark.parametrize(
    ("where", "text"), [pytest.param(*block, id=block[0]) for block in _blocks("python run")]
)
def test_examples_run(where: str, text: str, tmp_path: Path) -> None:
    """An example marked ``python run`` runs as it stands, in an empty folder."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, f"{where}:\n{finished.stderr}"


def test_the_block_reference_is_current() -> None:
    """The reference says what the manifests say; ``tools/block_reference.py`` brings it there."""
    render = runpy.run_path(str(REPOSITORY / "tools" / "block_reference.py"))["render"]
    page = _text("docs/blocks.md")
    assert render(page) == page, "run python tools/block_reference.py"


def test_the_tracker_page_names_every_option() -> None:
    """Who reads about the tracker finds all of its properties there."""
    tracker = default_registry().get("trackwire/video_tracker@v1")
    assert tracker is not None
    options = set(tracker.manifest.model_fields) - {"type", "name", "images", "boxes"}
    page = _text("docs/tracker.md")
    assert not [option for option in options if f"`{option}`" not in page]


def test_the_command_page_names_every_option() -> None:
    """``docs/cli.md`` knows each command and each option."""
    page = _text("docs/cli.md")
    group = get_command(app)
    commands = group.commands  # type: ignore[attr-defined]
    names = {option for each in commands.values() for param in each.params for option in param.opts}
    wanted = {f"trackwire {name}" for name in commands}
    wanted |= {name for name in names if name.startswith("--") and name != "--help"}
    assert not [name for name in sorted(wanted) if name not in page]


def test_the_page_of_formats_names_every_key_of_run_json() -> None:
    """Who reads ``run.json`` with a program finds each of its keys explained."""
    workflow = compile_workflow(load_library("track-moving-objects"))
    report = RunReport(workflow, "track-moving-objects").as_json(RunOutcome("done"))
    page = _text("docs/formats.md")
    assert not [key for key in report if f"`{key}`" not in page]


def test_the_changelog_keeps_its_form() -> None:
    """Versions stand newest first, with a date, and changes under the usual headings."""
    headings = re.findall(r"^## (.+)$", _text("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line) for line in headings[1:])
    kinds = set(re.findall(r"^### (.+)$", _text("CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_committed_files_are_small(committed: list[Path]) -> None:
    """No weights and no videos in the repository: nothing of 5 MB or more."""
    large = [str(path) for path in committed if (REPOSITORY / path).stat().st_size >= LARGEST]
    assert not large


def test_no_committed_file_knows_this_machine(committed: list[Path]) -> None:
    """No file names the folder it happens to lie in, or the home of who wrote it."""
    places = {str(REPOSITORY).encode(), str(Path.home()).encode()} - {b"/"}
    found = [
        f"{path} names {place.decode()}"
        for path in committed
        for place in places
        if re.search(re.escape(place) + rb"\b", (REPOSITORY / path).read_bytes())
    ]
    assert not found


def test_every_ignored_rule_has_its_reason() -> None:
    """A rule of ruff that is switched off says why on its line."""
    table = _text("pyproject.toml").partition("[tool.ruff.lint]")[2]
    rules = table.partition("[tool.ruff.lint.flake8-tidy-imports")[0]
    bare = re.findall(r'^    "[A-Z]+\d*",$', rules, re.MULTILINE)
    assert not bare


def test_ci_calls_what_a_developer_calls() -> None:
    """CI has no checks of its own: it runs ``make check`` and ``make test``."""
    script = REPOSITORY / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert {"make check", "make test"} <= set(re.findall(r"make \w+", script.read_text()))


def test_constraints_never_bring_two_opencvs() -> None:
    """``opencv-python`` writes over the files of the headless build."""
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", _text("constraints.txt"), re.MULTILINE))
    assert [name for name in pins if name.startswith("opencv")] == ["opencv-python-headless"]
    assert pins["torch"] == "2.13.0"
