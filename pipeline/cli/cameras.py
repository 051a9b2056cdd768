"""``trackwire cameras``: the cameras of this machine."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from .console import err, out

__all__ = ["Camera", "find_cameras", "list_cameras"]

_SYSTEM: Final = Path("/sys/class/video4linux")
_DEVICES: Final = Path("/dev")


@dataclass(frozen=True, slots=True)
class Camera:
    """A Video4Linux device.

    Args:
        number: What to give as ``--source``.
        device: Path of the device.
        name: What its driver calls it.
        readable: This user may open it.
    """

    number: int
    device: str
    name: str
    readable: bool


def find_cameras(system: Path = _SYSTEM, devices: Path = _DEVICES) -> tuple[Camera, ...]:
    """Find the devices that give pictures, without opening any.

    A camera often has several devices; the ones behind its first carry no pictures (``index``
    above 0) and are left out.

    Args:
        system: Where the kernel lists video devices.
        devices: Where their device files are.

    Returns:
        The cameras, by number.
    """
    found = []
    for entry in system.glob("video*") if system.is_dir() else ():
        number = entry.name.removeprefix("video")
        if not number.isdecimal() or _text(entry / "index", "0") != "0":
            continue
        device = devices / entry.name
        name = _text(entry / "name", "unknown")
        found.append(Camera(int(number), str(device), name, os.access(device, os.R_OK | os.W_OK)))
    return tuple(sorted(found, key=lambda camera: camera.number))


def list_cameras(*, as_json: bool) -> None:
    """Print the cameras of this machine.

    Args:
        as_json: Print JSON instead of a table.
    """
    cameras = find_cameras()
    if as_json:
        out.print_json(json.dumps([asdict(camera) for camera in cameras]))
        return
    if not cameras:
        err.print(
            "there is no camera: nothing in /sys/class/video4linux. In a container, pass the "
            "device in, as with --device /dev/video0"
        )
        return
    table = Table("source", "device", "name", "usable")
    for camera in cameras:
        usable = "yes" if camera.readable else "no: join the group 'video'"
        table.add_row(str(camera.number), camera.device, camera.name, usable)
    out.print(table)


def _text(path: Path, default: str) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return default
