"""The page of run-time errors and the places that raise them say the same.

What the code raises is read from the source: the classes below ``TrackwireError``, their default
codes, and every call that makes one of them. A code that a function passes on as its own parameter
``code`` is looked up where that function is called.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "runtime-errors.md"
ROOT = "TrackwireError"
ANYTHING = ".*"


@dataclass(frozen=True, slots=True)
class Raised:
    """A place that makes an error: its class, its code, and what its message looks like."""

    cls: str
    code: str
    pattern: str
    where: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The classes of errors by name: what each descends from, and its own default code."""

    parents: Mapping[str, str]
    own_codes: Mapping[str, str]

    def family(self, name: str) -> str:
        """The class right below the root that a class belongs to."""
        while self.parents[name] not in ("", ROOT):
            name = self.parents[name]
        return name

    def default(self, name: str) -> str:
        """The code of an error of this class that is given none."""
        while name not in self.own_codes:
            name = self.parents[name]
        return self.own_codes[name]


@pytest.fixture(scope="module")
def tree(modules: dict[Path, ast.Module]) -> Tree:
    """The tree of errors, read from the class statements."""
    statements = [
        node
        for module in modules.values()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    ]
    parents = {ROOT: ""}
    size = 0
    while size != len(parents):
        size = len(parents)
        for node in statements:
            bases = [ast.unparse(base) for base in node.bases]
            known = [base for base in bases if base in parents]
            if known:
                parents[node.name] = known[0]
    codes = {
        node.name: str(ast.literal_eval(line.value))
        for node in statements
        if node.name in parents
        for line in node.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "default_code"
    }
    return Tree(parents, codes)


@pytest.fixture(scope="module")
def raised(modules: dict[Path, ast.Module], tree: Tree) -> list[Raised]:
    """Every place that makes an error."""
    return [
        one
        for path, module in modules.items()
        for function, call in _calls(module)
        if _name(call) in tree.parents
        for one in _errors(module, function, call, tree, f"{path}:{call.lineno}")
    ]


def _calls(
    node: ast.AST, function: ast.FunctionDef | None = None
) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """Every call with the function it stands in."""
    if isinstance(node, ast.FunctionDef):
        function = node
    if isinstance(node, ast.Call):
        yield function, node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, function)


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _errors(
    module: ast.Module, function: ast.FunctionDef | None, call: ast.Call, tree: Tree, where: str
) -> Iterator[Raised]:
    """The errors that one call makes: several if it is given codes from elsewhere."""
    cls = _name(call)
    message = call.args[0] if call.args else ast.Constant("")
    code = next((keyword.value for keyword in call.keywords if keyword.arg == "code"), None)
    if code is None:
        yield Raised(cls, tree.default(cls), _pattern(message), where)
    elif isinstance(code, ast.Name):
        assert function is not None, where
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        for _, other in _calls(module):
            if _name(other) == function.name:
                given = dict(zip(names, other.args, strict=False))
                literal = ast.literal_eval(given[code.id])
                passed = given.get(ast.unparse(message), message)
                yield Raised(cls, literal, _pattern(passed), f"{where} from {other.lineno}")
    else:
        for part in (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,):
            # The code of another error that is passed on stands where that one is made.
            if isinstance(part, ast.Attribute) and part.attr == "code":
                continue
            literal = ast.literal_eval(part) or tree.default(cls)
            yield Raised(cls, literal, _pattern(message), where)


def _pattern(message: ast.expr) -> str:
    """A regular expression of all the messages that an expression can be."""
    match message:
        case ast.Constant(value=str(text)):
            return re.escape(re.sub(r"\s+", " ", text))
        case ast.JoinedStr(values=parts):
            return "".join(map(_pattern, parts))
        case ast.BinOp(left=left, right=right):
            return _pattern(left) + _pattern(right)
        case ast.IfExp(body=one, orelse=other):
            return f"(?:{_pattern(one)}|{_pattern(other)})"
        case _:
            return ANYTHING


@dataclass(frozen=True, slots=True)
class Entry:
    """What the page says of one code."""

    family: str
    code: str
    text: str


def _entries() -> list[Entry]:
    entries = []
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        family = section.partition("\n")[0].strip("`").partition("`")[0]
        parts = re.split(r"^### `(\w+)`$", section, flags=re.MULTILINE)
        entries += [Entry(family, *pair) for pair in zip(parts[1::2], parts[2::2], strict=True)]
    return entries


ENTRIES = _entries()


def test_every_code_is_explained_and_every_explanation_has_a_code(
    raised: list[Raised], tree: Tree
) -> None:
    """Neither side may run ahead, and a code stands under its class."""
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for one in raised:
        codes[one.code].add(tree.family(one.cls))
    for cls, code in tree.own_codes.items():
        codes[code].add(tree.family(cls))
    explained: defaultdict[str, set[str]] = defaultdict(set)
    for entry in ENTRIES:
        explained[entry.code].add(entry.family)
    assert {code: families for code, families in codes.items() if len(families) > 1} == {}
    assert explained == codes


def test_a_code_is_explained_once_and_found_by_the_alphabet() -> None:
    """The code of the class comes first, then the others in order."""
    by_section: defaultdict[str, list[str]] = defaultdict(list)
    for entry in ENTRIES:
        by_section[entry.family].append(entry.code)
    for codes in by_section.values():
        assert codes[1:] == sorted(set(codes[1:]))
        assert codes[0] not in codes[1:]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_an_explanation_is_complete(entry: Entry) -> None:
    """Cause, example and fix: one without the other does not help."""
    told = re.findall(r"^\*\*(\w+)\.\*\*", entry.text, re.MULTILINE)
    assert told == ["Cause", "Example", "Fix"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_an_example_is_a_message_of_the_code(entry: Entry, raised: list[Raised]) -> None:
    """A message that was reworded is reworded on the page as well."""
    example = re.search(r"^```text\n(.*?)^```$", entry.text, re.MULTILINE | re.DOTALL)
    assert example is not None
    found = " ".join(example[1].split())
    patterns = [one.pattern for one in raised if one.code == entry.code and one.pattern != ANYTHING]
    matching = [one for one in patterns if re.fullmatch(one, found, re.DOTALL)]
    assert matching or not patterns, f"none of these: {patterns}"
