"""What the source must look like, read from the source itself."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOTS = ("specs", "blocks", "sinks", "pipeline")  # imports may only point to the left
VAGUE = re.compile(r"(^|_)(utils?|common|helpers?|base|core|misc|managers?|handlers?)($|_)")


def _absolute_imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or ""


def _public_definitions(
    body: list[ast.stmt],
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
        if "overload" in decorators or any(name.endswith(".setter") for name in decorators):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _public_definitions(node.body)


def test_imports_point_one_way(modules: dict[Path, ast.Module]) -> None:
    """A root folder imports only those before it: specs, blocks, sinks, pipeline."""
    wrong = []
    for path, tree in modules.items():
        if path.parts[0] not in ROOTS:
            continue
        allowed = ROOTS[: ROOTS.index(path.parts[0])]
        for line, name in _absolute_imports(tree):
            head, _, rest = name.partition(".")
            if head == "trackwire" and rest.partition(".")[0] in set(ROOTS) - set(allowed):
                wrong.append(f"{path}:{line} imports {name}; allowed here: {allowed}")
    assert not wrong, "\n".join(wrong)


def test_roots_meet_at_the_front_door(modules: dict[Path, ast.Module]) -> None:
    """Another root folder is imported as ``trackwire.<root>``, not by its inner modules."""
    wrong = [
        f"{path}:{line} reaches into {name}"
        for path, tree in modules.items()
        for line, name in _absolute_imports(tree)
        if name.startswith("trackwire.")
        and name.count(".") > 1
        and path.parts[0] in ROOTS
        and name.split(".")[1] != path.parts[0]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_is_imported_by_a_bare_root_name(modules: dict[Path, ast.Module]) -> None:
    """``import specs`` would make a second module of the same file."""
    wrong = [
        f"{path}:{line} imports {name}"
        for path, tree in modules.items()
        for line, name in _absolute_imports(tree)
        if name.partition(".")[0] in ROOTS
    ]
    assert not wrong, "\n".join(wrong)


def test_relative_imports_stay_inside_their_root(modules: dict[Path, ast.Module]) -> None:
    """Dots never climb out of a root folder, where the bare name would be found by luck."""
    wrong = [
        f"{path}:{node.lineno} climbs {node.level} packages"
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level >= len(path.parts)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_language_needs_pydantic_and_nothing_more(modules: dict[Path, ast.Module]) -> None:
    """``specs`` can be used where no NumPy, OpenCV or model is installed."""
    allowed = set(sys.stdlib_module_names) | {"pydantic", "pydantic_core", "trackwire"}
    wrong = [
        f"{path}:{line} imports {name}"
        for path, tree in modules.items()
        if path.parts[0] == "specs"
        for line, name in _absolute_imports(tree)
        if name.partition(".")[0] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def _lines_of_code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, the docstring left out: nobody should save on that."""
    end = node.end_lineno or node.lineno
    text = node.body[0]
    documented = ast.get_docstring(node) is not None
    spared = (text.end_lineno or text.lineno) - text.lineno + 1 if documented else 0
    return end - node.lineno + 1 - spared


def test_modules_and_functions_stay_short(
    repository: Path, modules: dict[Path, ast.Module]
) -> None:
    """Past 400 lines a module is split, past 60 a function."""
    long = [
        f"{path} has {lines} lines"
        for path in modules
        if (lines := len((repository / path).read_text(encoding="utf-8").splitlines())) > 400
    ]
    long += [
        f"{path}:{node.lineno} {node.name} has {lines} lines"
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := _lines_of_code(node)) > 60
    ]
    assert not long, "\n".join(long)


def test_names_say_what_is_inside(modules: dict[Path, ast.Module]) -> None:
    """No module or folder is called utils, common, helpers, base, core, misc and the like."""
    vague = [
        str(path)
        for path in modules
        if any(VAGUE.search(part) for part in path.with_suffix("").parts)
    ]
    assert not vague, "\n".join(vague)


def test_folders_are_shallow(modules: dict[Path, ast.Module]) -> None:
    """At most two folders below a root folder, so that anything is found in two steps."""
    deep = [str(path) for path in modules if len(path.parts) > 4]
    assert not deep, "\n".join(deep)


def test_public_names_are_documented(modules: dict[Path, ast.Module]) -> None:
    """Modules, and the classes, functions and methods one may use, say what they are for."""
    bare = [f"{path}:1 the module" for path, tree in modules.items() if not ast.get_docstring(tree)]
    bare += [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in modules.items()
        if not any(part.startswith("_") and part != "__init__.py" for part in path.parts)
        for node in _public_definitions(tree.body)
        if not ast.get_docstring(node)
    ]
    assert not bare, "\n".join(bare)


@pytest.mark.parametrize("call", ["print", "breakpoint", "eval", "exec"])
def test_the_package_does_not_call(call: str, modules: dict[Path, ast.Module]) -> None:
    """Output goes through the command line's console, and documents never carry code."""
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == call
    ]
    assert not wrong, "\n".join(wrong)
