"""What WORKFLOW and --param mean on the command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackwire.specs import compile_workflow, library_names, load_library, nearest

from .console import UsageError

if TYPE_CHECKING:
    from trackwire.specs import Workflow

__all__ = ["CompiledArgument", "compile_argument", "parse_parameters"]


@dataclass(frozen=True, slots=True)
class CompiledArgument:
    """A workflow from the command line, ready to run.

    Args:
        workflow: Compiled.
        reference: As it was named on the command line.
        base_directory: Folder of the document, which its relative paths start from; None for
            the working directory.
        parameters: What --param set, parsed.
    """

    workflow: Workflow
    reference: str
    base_directory: Path | None
    parameters: Mapping[str, Any]


def compile_argument(
    argument: str,
    parameters: Sequence[str],
    *,
    lazy: bool = True,
    require_parameters: bool = True,
) -> CompiledArgument:
    """Read and compile the workflow that the command line names.

    Args:
        argument: A path, ``-`` for standard input, or a name of the library. A file wins over
            a name.
        parameters: ``NAME=VALUE`` each.
        lazy: Leave out work that nobody needs.
        require_parameters: Whether parameters without default must be given.

    Returns:
        The compiled workflow and where it came from.

    Raises:
        UsageError: There is no such workflow, or a parameter is no ``NAME=VALUE``.
        SpecificationError: The document is wrong; it holds every mistake.
    """
    values = parse_parameters(parameters)
    document, folder = _read(argument)
    workflow = compile_workflow(
        document, parameters=values, lazy=lazy, require_parameters=require_parameters
    )
    return CompiledArgument(workflow, argument, folder, values)


def parse_parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse ``NAME=VALUE`` pairs.

    A value is read as JSON, and as text where it is none. Text that names an existing file, seen
    from the working directory, becomes its absolute path, since relative paths of a document
    start at the document's folder.

    Args:
        pairs: As typed.

    Returns:
        Values by name.

    Raises:
        UsageError: A pair has no ``=`` or no name, or a name is given twice.

    Example:
        >>> parse_parameters(["interval=10", "class=person"])
        {'interval': 10, 'class': 'person'}
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param needs NAME=VALUE, such as interval=10, found {pair!r}")
        if name in values:
            raise UsageError(f"--param {name} is given twice; give it once")
        values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass  # text that is no JSON stands for itself
    names_a_place = os.sep in text or bool(Path(text).suffix)
    if names_a_place and "\0" not in text and Path(text).exists():
        return str(Path(text).resolve())
    return text


def _read(argument: str) -> tuple[Mapping[str, Any] | str | Path, Path | None]:
    if argument == "-":
        return sys.stdin.read(), None
    path = Path(argument)
    if path.is_file():
        return path, path.resolve().parent
    names = tuple(library_names())
    if argument in names:
        return load_library(argument), None
    near = nearest(argument, names)
    raise UsageError(
        f"no workflow {argument!r}: there is no such file, and no ready-made one of that name."
        + (f" Did you mean {near[0]!r}?" if near else "")
        + f" Ready-made: {', '.join(names)}"
    )
