"""Files below the one folder that blocks may write to."""

from __future__ import annotations

import csv
import io
import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from trackwire.specs import BlockError

__all__ = ["AppendLogs", "OutputFiles", "check_prefix"]

_MOST_OPEN: Final = 16
_LONGEST_PREFIX: Final = 150


class OutputFiles:
    """Makes new files below a folder, and nowhere else.

    Args:
        root: The folder. It need not exist before the first file is made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def folder(self, target: str) -> Path:
        """Find a folder below the root.

        Args:
            target: Its path relative to the root; an absolute one must lie below the root.

        Returns:
            The folder, links followed. It need not exist.

        Raises:
            BlockError: The path leads out of the root, by itself or over a link, or is none.
        """
        try:
            folder = (self.root / target).resolve()
        except (OSError, ValueError) as error:
            raise BlockError(
                f"target_directory {target!r} is no path: {error}", code="path_invalid"
            ) from error
        if not folder.is_relative_to(self.root):
            raise BlockError(
                f"target_directory {target!r} leads out of the output directory {self.root}; "
                "files are written below it only: give a path relative to it, without '..'",
                code="path_outside",
            )
        return folder

    def create(self, target: str, prefix: str, suffix: str) -> tuple[Path, IO[str]]:
        """Make a new file, named by its prefix and the time.

        Args:
            target: Folder below the root, made if need be.
            prefix: Begin of the file's name.
            suffix: Its end, without the dot.

        Returns:
            The path and the file, open for writing UTF-8. No file that exists is replaced.

        Raises:
            BlockError: The folder lies elsewhere, or the prefix is no part of a file's name.
            OSError: The system refuses.
        """
        folder = self.folder(target)
        check_prefix(prefix)
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{prefix}_{datetime.now().astimezone():%Y_%m_%d_%H_%M_%S_%f}"
        number = 1
        while True:
            name = f"{stem}.{suffix}" if number == 1 else f"{stem}-{number}.{suffix}"
            path = folder / name
            try:
                return path, path.open("x", encoding="utf-8", newline="")
            except FileExistsError:
                number += 1


def check_prefix(prefix: str) -> None:
    """Make sure that a file's name can begin with a text.

    Raises:
        BlockError: It cannot.
    """
    odd = not prefix.isprintable() or any(sign in prefix for sign in '/\\:*?"<>|')
    if odd or not prefix or prefix.startswith(".") or len(prefix.encode()) > _LONGEST_PREFIX:
        raise BlockError(
            f"file_name_prefix {prefix!r} cannot begin the name of a file; use letters, digits, "
            f"'_', '-', '.' and spaces, at most {_LONGEST_PREFIX} bytes, without a leading dot; "
            "folders belong into target_directory",
            code="path_invalid",
        )


@dataclass(slots=True)
class _Log:
    """One file that entries are appended to."""

    path: Path
    file: IO[str]
    header: str | None
    entries: int = 0


class AppendLogs:
    """Files that entries are appended to, one at a time for each folder and prefix.

    A file is full after some entries, and the next entry begins another one. So it does where the
    columns of a table change, for rows below other columns would be read wrongly.

    Args:
        files: Makes the files.
    """

    def __init__(self, files: OutputFiles) -> None:
        self._files = files
        self._logs: OrderedDict[tuple[str, str, str], _Log] = OrderedDict()

    def append(self, content: str, file_type: str, target: str, prefix: str, most: int) -> Path:
        """Append an entry and hand it to the system.

        Args:
            content: Of type ``json`` one value, written in one line of a ``.jsonl`` file; of type
                ``csv`` a table with its header, which is left away where the file has it already.
            file_type: ``csv``, ``json`` or ``txt``.
            target: Folder below the root.
            prefix: Begin of the file's name.
            most: Entries after which a file is full.

        Returns:
            The file.

        Raises:
            BlockError: The folder lies elsewhere, or the prefix is no part of a file's name.
            ValueError: The content is not of the type.
            OSError: The system refuses.
        """
        header, body = None, content
        if file_type == "json":
            body = json.dumps(json.loads(content), ensure_ascii=False)
        elif file_type == "csv":
            header, body = _split_table(content)
        key = (str(self._files.folder(target)), prefix, file_type)
        log = self._logs.get(key)
        if log is not None and (log.entries >= most or log.header != header):
            self._logs.pop(key).file.close()
            log = None
        if log is None:
            log = self._begin(key, target, header)
            body = (header or "") + body
        self._logs.move_to_end(key)
        log.file.write(body if body.endswith("\n") or not body else f"{body}\n")
        log.file.flush()
        log.entries += 1
        return log.path

    def _begin(self, key: tuple[str, str, str], target: str, header: str | None) -> _Log:
        _, prefix, file_type = key
        while len(self._logs) >= _MOST_OPEN:
            self._logs.popitem(last=False)[1].file.close()
        suffix = "jsonl" if file_type == "json" else file_type
        path, file = self._files.create(target, prefix, suffix)
        log = self._logs[key] = _Log(path, file, header)
        return log

    def close(self) -> None:
        """Close the files."""
        while self._logs:
            self._logs.popitem()[1].file.close()


def _split_table(content: str) -> tuple[str, str]:
    """Take the header of a table off its rows; quoted names may go over several lines."""
    reader = csv.reader(io.StringIO(content, newline=""))
    next(reader, None)
    lines = io.StringIO(content, newline="").readlines()
    header, rows = "".join(lines[: reader.line_num]), "".join(lines[reader.line_num :])
    return header if not header or header.endswith("\n") else f"{header}\n", rows
