"""Files: whole entries, below the output directory and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackwire.blocks.send.output_files import AppendLogs, OutputFiles
from trackwire.specs import BlockError

OpenBlock: TypeAlias = Callable[..., Any]
FILE = "roboflow_core/local_file_sink@v1"
PLAIN = {"content": "$steps.s.text", "output_mode": "append_log", "target_directory": "logs"}


def files_in(folder: Path) -> list[Path]:
    """All files below a folder, in order of their names."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def texts_in(folder: Path) -> list[str]:
    """What they hold."""
    return [path.read_text(encoding="utf-8") for path in files_in(folder)]


def test_tables_share_one_header(open_block: OpenBlock, tmp_path: Path) -> None:
    """Tables are appended without their headers, and can be read while the run goes on."""
    sink = open_block(FILE, PLAIN, output_directory=tmp_path)
    for row in ("1,a", "2,b"):
        assert sink.run(content=f"number,letter\n{row}\n")["error_status"] is False
    told = sink.run(content="number,letter\n3,c\n")
    (path,) = files_in(tmp_path)
    assert path.read_text() == "number,letter\n1,a\n2,b\n3,c\n"
    assert path.parent == tmp_path / "logs"
    assert path.name.startswith("workflow_output_")
    assert path.suffix == ".csv"
    assert told["message"] == f"saved to logs/{path.name}"


def test_a_full_file_is_followed_by_another(open_block: OpenBlock, tmp_path: Path) -> None:
    """No file has more entries than the limit, and each begins with the header."""
    written = {**PLAIN, "max_entries_per_file": 2}
    sink = open_block(FILE, written, output_directory=tmp_path)
    for row in range(5):
        sink.run(content=f"n\n{row}\n")
    assert texts_in(tmp_path) == ["n\n0\n1\n", "n\n2\n3\n", "n\n4\n"]


def test_other_columns_begin_another_file(open_block: OpenBlock, tmp_path: Path) -> None:
    """Rows never stand below a header that is not theirs; quoted headers may have line breaks."""
    sink = open_block(FILE, PLAIN, output_directory=tmp_path)
    for content in ('a,"b\nc"\n1,2\n', 'a,"b\nc"\n3,4', "a\n5\n", "a"):
        sink.run(content=content)
    assert texts_in(tmp_path) == ['a,"b\nc"\n1,2\n3,4\n', "a\n5\n"]


def test_json_becomes_lines(open_block: OpenBlock, tmp_path: Path) -> None:
    """Values are written in a line each; a text that is no JSON is told and leaves no trace."""
    sink = open_block(FILE, {**PLAIN, "file_type": "json"}, output_directory=tmp_path)
    sink.run(content='{\n  "café": [1,\n 2]\n}')
    told = sink.run(content="{")
    sink.run(content="null")
    (path,) = files_in(tmp_path)
    assert path.suffix == ".jsonl"
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {"café": [1, 2]},
        None,
    ]
    assert told["error_status"] is True
    assert [event.kind for event in sink.events] == ["file.not_written"]


@pytest.mark.parametrize("file_type", ["csv", "json", "txt"])
def test_separate_files(open_block: OpenBlock, tmp_path: Path, file_type: str) -> None:
    """Each entry has a file of its own, with the text as it came; none replaces another."""
    written = {**PLAIN, "output_mode": "separate_files", "file_type": file_type}
    sink = open_block(FILE, written, output_directory=tmp_path)
    told = sink.run_all(("a", "b", "a"), content=("1", "2\n", "{3"))
    assert [each["error_status"] for each in told] == [False] * 3
    assert sorted(texts_in(tmp_path)) == ["1\n", "2\n", "{3\n"]
    assert {path.suffix for path in files_in(tmp_path)} == {f".{file_type}"}


def test_streams_share_a_file_and_parts_come_in_order(
    open_block: OpenBlock, tmp_path: Path
) -> None:
    """Several streams, and several parts of one frame, write whole entries into one file."""
    sink = open_block(FILE, {**PLAIN, "file_type": "txt"}, output_directory=tmp_path)
    sink.run_all(("a", "a", "b"), content=("one", "two", "three"))
    sink.block.end_stream("a")
    sink.run("b", content="four")
    assert texts_in(tmp_path) == ["one\ntwo\nthree\nfour\n"]


def test_folders_and_prefixes_from_elsewhere(open_block: OpenBlock, tmp_path: Path) -> None:
    """A folder or prefix that changes from frame to frame leads to a file of its own."""
    written = {**PLAIN, "file_type": "txt", "target_directory": "$inputs.folder"}
    sink = open_block(FILE, written, output_directory=tmp_path)
    for folder, prefix in (("x", "p"), ("y", "p"), ("x", "q"), ("x", "p")):
        sink.run(content=folder + prefix, target_directory=folder, file_name_prefix=prefix)
    assert sorted(texts_in(tmp_path)) == ["xp\nxp\n", "xq\n", "yp\n"]


@pytest.mark.parametrize(
    "target", ["..", "../elsewhere", "a/../../b", "/etc", "link", "link/deeper", "a\0b"]
)
def test_paths_that_lead_out(open_block: OpenBlock, tmp_path: Path, target: str) -> None:
    """A folder outside of the output directory is refused, when opening and while running."""
    root, outside = tmp_path / "out", tmp_path / "elsewhere"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    with pytest.raises(BlockError) as caught:
        open_block(FILE, {**PLAIN, "target_directory": target}, output_directory=root)
    assert caught.value.code in ("path_outside", "path_invalid")
    written = {**PLAIN, "target_directory": "$inputs.folder"}
    for mode in ("append_log", "separate_files"):
        sink = open_block(FILE, {**written, "output_mode": mode}, output_directory=root)
        assert sink.run(content="a\n", target_directory=target).code == caught.value.code
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "prefix", ["", ".hidden", "a/b", "..", "a\\b", "a\nb", "x" * 151, "é" * 80]
)
def test_prefixes_that_are_no_names(open_block: OpenBlock, tmp_path: Path, prefix: str) -> None:
    """A prefix names a file and no folder."""
    with pytest.raises(BlockError) as caught:
        open_block(FILE, {**PLAIN, "file_name_prefix": prefix}, output_directory=tmp_path)
    assert caught.value.code == "path_invalid"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="./\\ab~:\0 ", max_size=12), st.text(alphabet="./\\ab~:\0 ", max_size=6))
def test_nothing_is_written_elsewhere(tmp_path: Path, target: str, prefix: str) -> None:
    """Whatever folder and prefix are asked for, a file is below the root or there is none."""
    root = tmp_path / "deep" / "out"
    try:
        path, file = OutputFiles(root).create(target, prefix, "txt")
    except (BlockError, OSError):
        pass
    else:
        file.close()
        assert path.resolve().is_relative_to(root.resolve())
    strangers = [path for path in files_in(tmp_path) if not path.is_relative_to(root)]
    assert strangers == []


def test_no_folder_to_write_to(open_block: OpenBlock) -> None:
    """Without an output directory the block does not open, and says how to give one."""
    with pytest.raises(BlockError, match="--output") as caught:
        open_block(FILE, PLAIN)
    assert caught.value.code == "no_output_directory"


def test_what_the_system_refuses_is_told(open_block: OpenBlock, tmp_path: Path) -> None:
    """A folder that cannot be made is an error status and an event, and the run goes on."""
    (tmp_path / "logs").write_text("a file where the folder is to be")
    sink = open_block(FILE, PLAIN, output_directory=tmp_path)
    told = sink.run(content="a\n1\n")
    assert told["error_status"] is True
    assert [event.kind for event in sink.events] == ["file.not_written"]
    assert sink.events[0].stream == "cam"


@pytest.mark.parametrize("content", [None, 3, {"a": 1}])
def test_what_is_no_text(open_block: OpenBlock, tmp_path: Path, content: Any) -> None:
    """Only texts are written; anything else is an error that says what to wire."""
    sink = open_block(FILE, PLAIN, output_directory=tmp_path)
    assert sink.run(content=content).code == "content_type"


@pytest.mark.parametrize("most", ["many", "0", 0, None, -3])
def test_limits_that_are_none(open_block: OpenBlock, tmp_path: Path, most: Any) -> None:
    """A limit from elsewhere may be a text, and must be a whole number of one or more."""
    sink = open_block(FILE, PLAIN, output_directory=tmp_path)
    assert sink.run(content="a\n", max_entries_per_file=most).code == "option_value"
    assert sink.run(content="a\n", max_entries_per_file="7")["error_status"] is False


def test_open_files_are_bounded(tmp_path: Path) -> None:
    """Folders without end do not use up the files a process may open."""
    logs = AppendLogs(OutputFiles(tmp_path))
    for number in range(50):
        logs.append("x", "txt", f"f{number}", "p", 10)
    assert len(logs._logs) <= 16
    logs.append("y", "txt", "f49", "p", 10)
    logs.close()
    assert not logs._logs
    assert len(files_in(tmp_path)) == 50
