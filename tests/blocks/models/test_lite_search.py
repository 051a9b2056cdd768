"""How lost objects are looked for: by their colours first, and never on another's place."""

from __future__ import annotations

import numpy as np

from trackwire.blocks.models.lite.motion import CUT_RESIDUAL, Motion, small_gray
from trackwire.blocks.models.lite.palette import (
    colour_index,
    colour_places,
    covered,
    palette_of,
)
from trackwire.blocks.models.lite.proposal import View, is_taken
from trackwire.blocks.models.lite.window import Window
from trackwire.pipeline.scene import SceneRenderer, build_scene

SIZE_WH = (320, 180)


def _picture(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Grey ground of some grain with red boxes."""
    picture = np.random.default_rng(1).integers(90, 130, (180, 320, 3)).astype(np.uint8)
    for x1, y1, x2, y2 in boxes:
        picture[y1:y2, x1:x2] = (20, 30, 200)
    return picture


def _view(track_id: int, xyxy: tuple[int, int, int, int]) -> View:
    x1, y1, x2, y2 = xyxy
    mask = np.ones((y2 - y1, x2 - x1), bool)
    window = Window(x1, y1, max(x2 - x1, y2 - y1))
    nothing = np.zeros((0, 0), np.float32)
    return View(track_id, window, nothing, mask.astype(np.float32), (x1, y1), mask, xyxy, 1.0)


def _red() -> np.ndarray:
    index = colour_index(_picture((40, 40, 80, 90)))
    return palette_of(index, covered([_view(1, (40, 40, 80, 90))], SIZE_WH, index.shape))


def _places(picture: np.ndarray, *taken: View) -> list[tuple[float, float]]:
    index = colour_index(picture)
    there = covered(taken, SIZE_WH, index.shape)
    found = colour_places(_red(), index, there, (40.0, 50.0), 1.0, SIZE_WH)
    return [place.centre_xy for place in found]


def test_colours_are_found_where_they_went() -> None:
    """The first place is the middle of what has the object's colours, in frame pixels."""
    first = _places(_picture((200, 100, 240, 150)))[0]
    assert np.hypot(first[0] - 220, first[1] - 125) < 8


def test_a_frame_without_the_colours_has_no_place() -> None:
    """Nothing is looked at closely for colours that are not there."""
    assert _places(_picture()) == []


def test_a_part_that_shows_is_a_place() -> None:
    """Half of an object that comes out from behind something is enough."""
    first = _places(_picture((200, 100, 220, 150)))[0]
    assert np.hypot(first[0] - 210, first[1] - 125) < 16


def test_what_another_track_is_on_is_no_place() -> None:
    """A look-alike that is followed already does not draw the look."""
    picture = _picture((200, 100, 240, 150), (30, 20, 70, 70))
    places = _places(picture, _view(2, (200, 100, 240, 150)))
    assert len(places) == 1
    assert np.hypot(places[0][0] - 50, places[0][1] - 45) < 8


def test_a_find_on_another_tracks_mask_is_taken() -> None:
    """One object does not become two tracks: half under another's mask is too much."""
    view = _view(1, (0, 0, 40, 40))
    assert is_taken(view, [_view(2, (20, 0, 60, 40))])
    assert not is_taken(view, [_view(2, (21, 0, 60, 40))])
    assert not is_taken(view, [])


def test_a_cut_is_told_from_motion() -> None:
    """Flow explains a pan and a shake, and cannot explain another scene."""
    size_wh = (320, 180)
    moving = SceneRenderer(build_scene("pan-and-shake", size_wh=size_wh, frame_count=60))
    other = SceneRenderer(build_scene("pillar", size_wh=size_wh, frame_count=60, seed=9))
    last, current = moving.image(20), moving.image(21)
    grays = [small_gray(image) for image in (last, current, other.image(30))]
    assert Motion(grays[1], grays[0], size_wh).residual < CUT_RESIDUAL / 2
    assert Motion(grays[2], grays[1], size_wh).residual >= CUT_RESIDUAL
