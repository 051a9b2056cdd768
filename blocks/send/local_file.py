"""The block that writes texts into files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    INTEGER,
    STRING,
    Batch,
    BlockError,
    BlockManifest,
    Event,
    Failure,
    Outbox,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
    is_selector,
)

from .output_files import AppendLogs, OutputFiles, check_prefix

__all__ = ["LocalFileSink", "LocalFileSinkManifest"]


class LocalFileSinkManifest(BlockManifest):
    """Properties of the block that writes files."""

    traits: ClassVar[Traits] = Traits(pure=False, local_only=True, accepts_parts=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("error_status", frozenset({BOOLEAN})),
        OutputDefinition("message", frozenset({STRING})),
    )

    type: Literal["roboflow_core/local_file_sink@v1"]
    content: Annotated[str, Selector(STRING)] = Field(description="Text to write.")
    file_type: Literal["csv", "json", "txt"] = Field(
        default="csv",
        description="What the text is: it decides on the end of the file's name, and on how "
        "append_log joins entries.",
    )
    output_mode: Literal["append_log", "separate_files"] = Field(
        description="append_log writes entries one below the other into a file, JSON as a line "
        "each and tables below one header; separate_files makes a file for each."
    )
    target_directory: Annotated[str, Selector(STRING)] | str = Field(
        description="Folder to write to, below the output directory of the run."
    )
    file_name_prefix: Annotated[str, Selector(STRING)] | str = Field(
        default="workflow_output", description="Begin of the files' names; the time follows."
    )
    max_entries_per_file: (
        Annotated[int, Field(ge=1)] | Annotated[str, Selector(INTEGER, STRING)]
    ) = Field(default=1024, description="Entries after which append_log begins another file.")


class LocalFileSink:
    """Writes texts into files below the output directory of the run.

    A path that leads out of it is refused. What the system refuses, such as a full disk, is told
    by ``error_status`` and ``message`` and by the event ``file.not_written``; the workflow goes
    on. All streams share the files of a folder and prefix.
    """

    manifest: ClassVar[type[BlockManifest]] = LocalFileSinkManifest

    def __init__(self, name: str, files: OutputFiles, outbox: Outbox) -> None:
        self._name = name
        self._files = files
        self._logs = AppendLogs(files)
        self._outbox = outbox

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block.

        Raises:
            BlockError: The run has no output directory, or the folder does not lie in it.
        """
        if resources.output_directory is None:
            raise BlockError(
                f"step {step.name!r} writes files, and this run has no folder to write to; run "
                "with --output DIR, or give Resources(output_directory=...)",
                code="no_output_directory",
            )
        files = OutputFiles(resources.output_directory)
        target = getattr(step, "target_directory", "")
        if not is_selector(target):
            files.folder(target)
        prefix = getattr(step, "file_name_prefix", "")
        if not is_selector(prefix):
            check_prefix(prefix)
        return cls(step.name, files, resources.outbox)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Write each element."""
        return [
            self._save(stream, {name: column[index] for name, column in batch.columns.items()})
            for index, stream in enumerate(batch.streams)
        ]

    def end_stream(self, stream: StreamKey) -> None:
        """Forget nothing: files are shared by the streams."""

    def close(self) -> None:
        """Close the files."""
        self._logs.close()

    def _save(self, stream: StreamKey, values: Mapping[str, Any]) -> Outcome:
        content = values["content"]
        if not isinstance(content, str):
            return Failure(
                BlockError(
                    f"content must be a text, found {type(content).__name__}; wire a text, such "
                    "as the csv_content of a csv_formatter",
                    code="content_type",
                )
            )
        try:
            path = self._write(content, values)
        except BlockError as error:
            return Failure(error)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = f"step {self._name!r} could not write its {values['file_type']}: {reason}"
            self._outbox(Event("file.not_written", "warning", message, stream, self._name))
            return {"error_status": True, "message": message}
        return {
            "error_status": False,
            "message": f"saved to {path.relative_to(self._files.root)}",
        }

    def _write(self, content: str, values: Mapping[str, Any]) -> Any:
        target, prefix = str(values["target_directory"]), str(values["file_name_prefix"])
        if values["output_mode"] == "append_log":
            most = _count(values["max_entries_per_file"])
            return self._logs.append(content, values["file_type"], target, prefix, most)
        path, file = self._files.create(target, prefix, values["file_type"])
        with file:
            file.write(content if content.endswith("\n") else f"{content}\n")
        return path


def _count(value: Any) -> int:
    """Read a number of entries, which may arrive as a text.

    Raises:
        BlockError: It is no whole number of one or more.
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise BlockError(
            f"max_entries_per_file must be a whole number of 1 or more, found {value!r}",
            code="option_value",
        )
    return number
