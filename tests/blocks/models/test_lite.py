"""The embedded tracker keeps the seam's promises on small moving pictures."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from trackwire.blocks.frame import Frame, VideoMetadata
from trackwire.blocks.models.lite import LiteModel
from trackwire.blocks.models.lite.proposal import LiteProposal
from trackwire.blocks.models.lite.search import search_window, within_reach
from trackwire.blocks.models.lite.state import LiteState
from trackwire.blocks.models.seam import MemoryPlan, Prompt

cv2 = pytest.importorskip("cv2")

SIZE_WH = (240, 160)
Box = tuple[float, float, float, float]


def texture(seed: int, shape: tuple[int, int], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Blotches around one colour."""
    noise = np.random.default_rng(seed).normal(0, 1, (*shape, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    picture = np.array(colour) + 40 * smooth / smooth.std()
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


BACKGROUND = texture(0, (160, 240), (90, 140, 90))
RED = texture(1, (40, 30), (40, 40, 210))
BLUE = texture(2, (36, 44), (210, 90, 40))


def scene(number: int, red: bool = True, blue: bool = True) -> Frame:
    """Draw the frame: a red thing going right, a blue one going left below it."""
    image = BACKGROUND.copy()
    for shown, patch, (x1, y1, x2, y2) in (
        (red, RED, red_box(number)),
        (blue, BLUE, blue_box(number)),
    ):
        if shown:
            image[int(y1) : int(y2), int(x1) : int(x2)] = patch
    video = VideoMetadata("v", 0, number, 0, None, datetime.now(UTC), time.monotonic())
    return Frame(image, video)


def red_box(number: int) -> Box:
    """Where the red thing is."""
    return 30.0 + 3 * number, 20.0, 60.0 + 3 * number, 60.0


def blue_box(number: int) -> Box:
    """Where the blue thing is."""
    return 150.0 - 2 * number, 90.0, 194.0 - 2 * number, 126.0


def overlap(a: Box, b: NDArray[np.float32]) -> float:
    """IoU of two boxes."""
    w = min(a[2], float(b[2])) - max(a[0], float(b[0]))
    h = min(a[3], float(b[3])) - max(a[1], float(b[1]))
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + float((b[2] - b[0]) * (b[3] - b[1])) - both)


@pytest.fixture(scope="module")
def model() -> LiteModel:
    """A small, fast model for the module."""
    return LiteModel(search_size=128)


def step(model: LiteModel, state: LiteState, frame: Frame, *prompts: Prompt) -> LiteProposal:
    """Process one frame, writing every track, and return what was accepted last."""
    features = model.encode([frame])
    accepted = [*model.propagate([state], features)]
    if prompts:
        accepted += model.prompt([state], features, [prompts], accepted)
    ids = frozenset(int(i) for proposal in accepted for i in proposal.track_ids)
    model.remember([state], features, [accepted], [MemoryPlan(write=ids)])
    return accepted[-1]


def started(model: LiteModel) -> LiteState:
    """A state that knows both things from frame 0."""
    state = model.open(SIZE_WH)
    step(model, state, scene(0), Prompt(7, xyxy=red_box(0)), Prompt(3, xyxy=blue_box(0)))
    return state


def same(a: LiteProposal, b: LiteProposal) -> bool:
    """Whether two proposals agree to the bit."""
    ids = [int(i) for i in a.track_ids]
    return (
        np.array_equal(a.track_ids, b.track_ids)
        and np.array_equal(a.score, b.score)
        and np.array_equal(a.xyxy, b.xyxy)
        and np.array_equal(a.masks(ids).to_dense(), b.masks(ids).to_dense())
    )


def test_a_prompt_acts_on_the_very_frame(model: LiteModel) -> None:
    """Two boxes on frame 0 give two masks on frame 0, each in its own box."""
    proposal = step(
        model,
        model.open(SIZE_WH),
        scene(0),
        Prompt(7, xyxy=red_box(0)),
        Prompt(3, xyxy=blue_box(0)),
    )
    assert proposal.track_ids.tolist() == [7, 3]
    assert proposal.visible.all()
    assert overlap(red_box(0), proposal.xyxy[0]) > 0.7
    assert overlap(blue_box(0), proposal.xyxy[1]) > 0.7


def test_things_are_followed(model: LiteModel) -> None:
    """After twelve frames of opposite motion both tracks are on their things."""
    state = started(model)
    proposal = [step(model, state, scene(number)) for number in range(1, 13)][-1]
    assert proposal.track_ids.tolist() == [7, 3]
    assert overlap(red_box(12), proposal.xyxy[0]) > 0.5
    assert overlap(blue_box(12), proposal.xyxy[1]) > 0.5
    assert ((proposal.score > 0.5) & (proposal.score <= 1)).all()


def test_boxes_are_tight_half_open_and_masks_share_no_pixel(model: LiteModel) -> None:
    """Boxes come from exactly the masks handed out."""
    state = started(model)
    proposal = step(model, state, scene(1))
    masks = proposal.masks([3, 7]).to_dense()
    assert masks.shape == (2, 160, 240)
    assert not (masks[0] & masks[1]).any()
    for mask, box in zip(masks, proposal.xyxy[::-1], strict=True):
        rows, columns = np.nonzero(mask)
        extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box.tolist() == extent
    with pytest.raises(KeyError):
        proposal.masks([99])


def test_overlapping_prompts_share_no_pixel(model: LiteModel) -> None:
    """Two boxes over one another are answered by disjoint masks."""
    boxes = red_box(0), (40.0, 30.0, 80.0, 80.0)
    prompts = [Prompt(i, xyxy=box) for i, box in enumerate(boxes)]
    proposal = step(model, model.open(SIZE_WH), scene(0), *prompts)
    masks = proposal.masks([0, 1]).to_dense()
    assert not (masks[0] & masks[1]).any()


def test_a_box_inside_another_keeps_its_mask(model: LiteModel) -> None:
    """What stands before something larger is not swallowed by it, whatever the order."""
    large = (10.0, 10.0, 110.0, 120.0)
    for boxes in ((red_box(0), large), (large, red_box(0))):
        prompts = [Prompt(i, xyxy=box) for i, box in enumerate(boxes)]
        proposal = step(model, model.open(SIZE_WH), scene(0), *prompts)
        small = boxes.index(red_box(0))
        assert overlap(red_box(0), proposal.xyxy[small]) > 0.5


def test_propagate_and_prompt_leave_the_state_alone(model: LiteModel) -> None:
    """Looking twice gives the same answer, and so does looking after a prompt."""
    state = started(model)
    features = model.encode([scene(1)])
    before = model.nbytes(state)
    first = model.propagate([state], features)
    model.prompt(
        [state], features, [[Prompt(7, xyxy=red_box(1)), Prompt(9, xyxy=blue_box(1))]], first
    )
    assert same(first[0], model.propagate([state], features)[0])
    assert model.nbytes(state) == before


def test_many_streams_at_once_equal_one_by_one(model: LiteModel) -> None:
    """A stream's answer does not depend on its company."""
    states = [started(model), model.open(SIZE_WH), started(model)]
    features = model.encode([scene(1), scene(1), scene(3)])
    together = model.propagate(states, features)
    alone = [model.propagate([s], [f])[0] for s, f in zip(states, features, strict=True)]
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))
    assert len(together[1].track_ids) == 0
    assert len(together[1].masks([])) == 0


def test_two_runs_agree_to_the_bit(model: LiteModel) -> None:
    """No randomness survives from one run to the next."""
    a, b = started(model), started(model)
    for number in range(1, 4):
        assert same(step(model, a, scene(number)), step(model, b, scene(number)))


def test_memory_is_constant(model: LiteModel) -> None:
    """A state holds as many bytes after many frames as after the first."""
    state = started(model)
    sizes = set()
    for number in range(1, 16):
        step(model, state, scene(number % 5))
        sizes.add(model.nbytes(state))
    assert len(sizes) == 1


def test_drop_and_close(model: LiteModel) -> None:
    """A dropped track is gone, an unknown one ignored; a closed state holds nothing."""
    state = started(model)
    two = model.nbytes(state)
    model.drop(state, [7, 12345])
    assert step(model, state, scene(1)).track_ids.tolist() == [3]
    assert model.nbytes(state) < two
    model.close(state)
    assert model.nbytes(state) == 0


def test_a_new_prompt_enters_memory_and_a_dropped_track_does_not(model: LiteModel) -> None:
    """Only a prompt begins a track: what was propagated and dropped since stays forgotten."""
    state = started(model)
    features = model.encode([scene(1)])
    seen = model.propagate([state], features)
    answers = model.prompt([state], features, [[Prompt(9, xyxy=red_box(1))]], seen)
    model.drop(state, [7])
    model.remember([state], features, [[seen[0], answers[0]]], [MemoryPlan()])
    assert step(model, state, scene(2)).track_ids.tolist() == [3, 9]


def test_a_thing_that_leaves_is_lost_and_found_again(model: LiteModel) -> None:
    """Gone means invisible with an empty mask and a low score; back means the same id."""
    state = started(model)
    for number in range(1, 6):
        step(model, state, scene(number))
    proposal = [step(model, state, scene(6, red=False)) for _ in range(4)][-1]
    assert proposal.visible.tolist() == [False, True]
    assert proposal.score[0] < 0.6
    assert proposal.xyxy[0].tolist() == [0, 0, 0, 0]
    assert not proposal.masks([7]).to_dense().any()
    seen = [step(model, state, scene(7)) for _ in range(4)]
    assert seen[-1].visible.tolist() == [True, True]
    assert overlap(red_box(7), seen[-1].xyxy[0]) > 0.4


def test_a_lost_thing_is_only_looked_for_where_it_can_have_got(model: LiteModel) -> None:
    """What shows up at once across the frame is another object; the reach grows with time."""
    track = started(model).tracks[7]
    x, y = track.centre
    far, near = (int(x) + 150, int(y) - 5, int(x) + 160, int(y) + 5), (40, 30, 70, 60)
    found_far = []
    for track.missing in range(1, 40):
        window = search_window(track, SIZE_WH)
        distance = math.dist((window.x + window.side / 2, window.y + window.side / 2), (x, y))
        assert distance <= track.window.side * (0.5 + 0.1 * track.missing) + 1
        assert within_reach(track, near)
        found_far.append(within_reach(track, far))
    assert found_far == sorted(found_far)
    assert not found_far[0]
    assert found_far[-1]


def test_position_advances_without_memory(model: LiteModel) -> None:
    """A track left out of the plan moves on but learns nothing."""
    state = started(model)
    weights = state.tracks[7].target.weights.copy()
    features = model.encode([scene(3)])
    seen = model.propagate([state], features)
    model.remember([state], features, [seen], [MemoryPlan(write=frozenset([3]))])
    assert np.array_equal(state.tracks[7].target.weights, weights)
    assert state.tracks[7].centre[0] == pytest.approx(45 + 9, abs=6)


def test_a_prompt_for_a_known_track_moves_it(model: LiteModel) -> None:
    """The id stays, the mask is that of the new box."""
    state = started(model)
    proposal = step(model, state, scene(1), Prompt(7, xyxy=blue_box(1)))
    assert proposal.track_ids.tolist() == [7]
    assert overlap(blue_box(1), proposal.xyxy[0]) > 0.6
    assert list(state.tracks) == [7, 3]


@pytest.mark.parametrize(
    "box",
    [
        (10.0, 10.0, 10.0, 40.0),  # no width
        (50.0, 50.0, 40.0, 40.0),  # corners swapped
        (300.0, 10.0, 340.0, 50.0),  # right of the frame
        (-40.0, -40.0, 0.5, 0.5),  # half a pixel inside
        (float("nan"), 0.0, 10.0, 10.0),
    ],
)
def test_a_box_without_a_pixel_is_not_visible(model: LiteModel, box: Box) -> None:
    """A degenerate box is answered, and opens no track."""
    state = model.open(SIZE_WH)
    proposal = step(model, state, scene(0), Prompt(1, xyxy=box))
    assert proposal.visible.tolist() == [False]
    assert not proposal.masks([1]).to_dense().any()
    assert len(state.tracks) == 0


@pytest.mark.parametrize("size_wh", [(16, 16), (17, 33), (301, 7), (64, 49)])
@pytest.mark.parametrize("box", [(0, 0, 1e4, 1e4), (3, 2, 6, 5), (-5, -5, 9, 6.5)])
def test_any_frame_size_works(model: LiteModel, size_wh: tuple[int, int], box: Box) -> None:
    """Tiny and odd frames, full-frame, tiny and clipped boxes do not fail."""
    image = cv2.resize(BACKGROUND, size_wh)
    video = scene(0).video
    state = model.open(size_wh)
    step(model, state, Frame(image, video), Prompt(1, xyxy=box))
    proposal = step(model, state, Frame(image.copy(), video))
    assert proposal.masks([1]).shape == (1, size_wh[1], size_wh[0])


def test_points_and_masks_prompt(model: LiteModel) -> None:
    """A mask is taken as given; points find the thing under them."""
    mask = np.zeros((160, 240), bool)
    mask[20:60, 30:60] = True
    state = model.open(SIZE_WH)
    point = np.array([[172, 108]], np.float32)
    prompts = Prompt(1, mask=mask), Prompt(2, points=point, labels=np.ones(1, np.int32))
    proposal = step(model, state, scene(0), *prompts)
    assert np.array_equal(proposal.masks([1]).to_dense()[0], mask)
    assert proposal.masks([2]).to_dense()[0, 108, 172]
    with pytest.raises(ValueError, match="shape"):
        step(model, state, scene(1), Prompt(1, mask=mask[:5]))


@pytest.mark.parametrize(("size", "threads"), [(100, 1), (0, 1), (128, 0)])
def test_bad_options_are_refused(size: int, threads: int) -> None:
    """Options that cannot work are named at once."""
    with pytest.raises(ValueError, match="must be"):
        LiteModel(search_size=size, threads=threads)
