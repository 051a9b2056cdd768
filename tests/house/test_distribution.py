"""What is built from the repository is whole, and works where it is installed."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest

import trackwire

ROOTS = ("specs", "blocks", "sinks", "pipeline")


def _build(target: Path, repository: Path, *options: str) -> None:
    pytest.importorskip("hatchling", reason="building needs the `dev` extra")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *options]
    finished = subprocess.run(
        [*command, str(repository)], check=False, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built straight from the checkout."""
    target = tmp_path_factory.mktemp("wheel")
    _build(target, repository, "--wheel")
    return next(target.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist_and_wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist and the wheel built from it."""
    target = tmp_path_factory.mktemp("sdist")
    _build(target, repository)
    return target


def test_both_ways_to_a_wheel_give_the_same_files(wheel: Path, sdist_and_wheel: Path) -> None:
    """What pip builds from the sdist is what is built from the checkout, byte for byte."""
    with (
        zipfile.ZipFile(wheel) as direct,
        zipfile.ZipFile(next(sdist_and_wheel.glob("*.whl"))) as by_sdist,
    ):
        assert {info.filename: info.CRC for info in direct.infolist()} == {
            info.filename: info.CRC for info in by_sdist.infolist()
        }


def test_the_wheel_holds_every_file_of_the_roots(wheel: Path, repository: Path) -> None:
    """Modules, ready-made workflows, the embedded network and its licence are all packed."""
    wanted = {f"trackwire/{path.name}" for path in (repository / "trackwire").glob("*.*")}
    for root in ROOTS:
        wanted |= {
            f"trackwire/{path.relative_to(repository).as_posix()}"
            for path in (repository / root).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("trackwire/")}
    assert packed == wanted
    assert "trackwire/py.typed" in packed
    assert any(name.endswith(".json") for name in packed)
    assert any(name.endswith(".onnx") for name in packed)


def test_the_wheel_has_one_top_level_name(wheel: Path) -> None:
    """Nothing lands in site-packages but ``trackwire`` and its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"trackwire", f"trackwire-{trackwire.__version__}.dist-info"}


def test_the_sdist_holds_every_committed_file(sdist_and_wheel: Path, committed: list[Path]) -> None:
    """Tests, tools and documents come along, so that a packager can check what he packs."""
    with tarfile.open(next(sdist_and_wheel.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {path.as_posix() for path in committed} - packed == set()


def test_an_installed_wheel_works(wheel: Path, tmp_path: Path) -> None:
    """Away from the checkout the wheel imports from its own folder and has its command."""
    target = tmp_path / "site"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([sys.executable, *install, str(target), str(wheel)], check=True, cwd=tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "import trackwire, trackwire.specs, trackwire.blocks, trackwire.sinks, trackwire.pipeline\n"
        "from trackwire.specs import compile_workflow, library_names, load_library\n"
        "names = list(library_names())\n"
        "for name in names: compile_workflow(load_library(name))\n"
        "print(len(names), trackwire.__version__)\n"
        "print({m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] == 'trackwire'"
        f" and not m.__file__.startswith({str(target)!r})}})\n"
    )
    finished = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    first, second = finished.stdout.splitlines()
    count, version = first.split()
    assert int(count) > 0
    assert version == trackwire.__version__
    assert second == "set()", "modules came from elsewhere"
    assert (target / "bin" / "trackwire").is_file()


def test_an_editable_install_shows_trackwire_and_nothing_else(
    repository: Path, tmp_path: Path
) -> None:
    """Its path entry leads to a folder where tests, tools and bare roots are not to be found."""
    build = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=repository, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        entry = next(name for name in archive.namelist() if name.endswith(".pth"))
        lines = archive.read(entry).decode().splitlines()
    assert lines == [str(repository / "build" / "typecheck")]
    shown = {path.name for path in Path(lines[0]).iterdir() if not path.name.startswith(".")}
    assert shown == {"trackwire"}
    code = "import sys; sys.path.insert(0, sys.argv[1]); import trackwire.specs as specs"
    finished = subprocess.run(
        [sys.executable, "-I", "-c", f"{code}; print(specs.__file__)", lines[0]],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert finished.stdout.strip() == str(repository / "specs" / "__init__.py")


def test_the_core_needs_no_torch() -> None:
    """A first result takes no gigabytes: torch and transformers belong to an extra."""
    core = [line for line in requires("trackwire") or [] if "extra ==" not in line]
    assert core
    assert not [line for line in core if line.startswith(("torch", "transformers"))]
    assert not [line for line in core if line.startswith(("opencv-python>", "opencv-contrib"))]


def test_the_version_stands_in_one_place() -> None:
    """Metadata takes the version from ``trackwire/__init__.py``."""
    assert metadata("trackwire")["Version"] == trackwire.__version__
