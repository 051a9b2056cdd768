"""How well identities last, beside the box trackers of the field, on the same detections.

Plays clips in which objects cross, hide, leave, look alike, and in which the camera pans, shakes
and cuts; draws imperfect boxes around what is seen of them (one in ten is missing, sides err by
3 %), and gives these to

    lite       the video tracker with its embedded model, which looks at every tenth frame's boxes
    restart    the same with on_reprompt=restart: what tracking by prompting anew comes to
    ByteTrack  ByteTrackTracker and
    OC-SORT    OCSORTTracker of the package trackers, which take the boxes of every frame

All wait for a lost object equally long. HOTA, IDF1 and identity switches are those of TrackEval.
An object counts while a quarter of it is seen; boxes on one that shows less are neither right nor
wrong.

    python benchmarks/identity.py
    python benchmarks/identity.py --quick
    python benchmarks/identity.py --clip hidden-25 --tracker lite --pictures out/identity

The clip ``pedestrians`` is not part of the project: ``DIR/frames/*.jpg`` and ``DIR/gt.txt``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
import supervision as sv
from scipy.optimize import linear_sum_assignment

from trackwire.blocks import Frame, VideoMetadata, build_detections
from trackwire.blocks.track.manifest import VideoTrackerManifest
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.pipeline.scene import SceneDetector, SceneRenderer, build_scene
from trackwire.specs import Batch, Failure, Missing, Resources

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
PEDESTRIANS = ROOT.parent / "shared" / "data" / "pedestrians"
SMALL, LARGE = (480, 270), (960, 540)
CLIPS: dict[str, tuple[str, tuple[int, int]]] = {
    "crossings": ("crossings", SMALL),
    "hidden-10": ("hidden-10", SMALL),
    "hidden-25": ("hidden-25", SMALL),
    "hidden-60": ("hidden-60", SMALL),
    "departures": ("departures", SMALL),
    "look-alikes": ("look-alikes", SMALL),
    "pan-and-shake": ("pan-and-shake", SMALL),
    "cuts": ("cuts", SMALL),
    "crossings@960": ("crossings", LARGE),
    "hidden-25@960": ("hidden-25", LARGE),
}
OCCLUDED = {
    "crossings",
    "hidden-10",
    "hidden-25",
    "hidden-60",
    "pan-and-shake",
    "crossings@960",
    "hidden-25@960",
}
QUICK = ("crossings", "hidden-25", "look-alikes")
TRACKERS = ("lite", "ByteTrack", "OC-SORT", "restart")
FRAMES, QUICK_FRAMES = 600, 150
MIN_VISIBLE = 0.25
INTERVAL = 10
PATIENCE = 90
"""Frames that each tracker waits for a lost object."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of a clip: the picture, what is there, and what a detector makes of it.

    Args:
        frame: The picture.
        ids: ``(N,)`` true ids.
        xyxy: ``(N, 4)`` boxes around what is seen of them.
        counts: ``(N,)`` whether enough is seen for it to count.
        found: The boxes that trackers are given; the order says nothing.
        confidence: ``(M,)`` 0-1.
    """

    frame: Frame
    ids: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    counts: NDArray[np.bool_]
    found: NDArray[np.float32]
    confidence: NDArray[np.float32]


Track = Callable[[Moment], sv.Detections]


@dataclass(slots=True)
class Record:
    """What a tracker said on each frame, in the form that TrackEval reads."""

    truth: list[NDArray[np.int64]] = field(default_factory=list)
    tracks: list[NDArray[np.int64]] = field(default_factory=list)
    overlaps: list[NDArray[np.float32]] = field(default_factory=list)
    spent_s: float = 0.0

    def add(self, moment: Moment, seen: sv.Detections) -> None:
        """Take in one frame; boxes on objects that do not count are left out."""
        overlap = sv.box_iou_batch(moment.xyxy, seen.xyxy)
        kept = np.ones(len(seen), dtype=bool)
        rows, columns = linear_sum_assignment(-np.where(overlap >= 0.5, overlap, 0.0))
        for row, column in zip(rows, columns, strict=True):
            if overlap[row, column] >= 0.5 and not moment.counts[row]:
                kept[column] = False
        self.truth.append(moment.ids[moment.counts])
        self.tracks.append(ids_of(seen)[kept])
        self.overlaps.append(overlap[moment.counts][:, kept])

    def score(self) -> dict[str, float]:
        """Return ``HOTA``, ``DetA``, ``AssA``, ``IDF1`` (0-1) and ``switches``."""
        from trackeval.metrics import CLEAR, HOTA, Identity

        truth, truth_count = _numbered(self.truth)
        tracks, track_count = _numbered(self.tracks)
        data = {
            "gt_ids": truth,
            "tracker_ids": tracks,
            "similarity_scores": self.overlaps,
            "num_timesteps": len(truth),
            "num_gt_ids": truth_count,
            "num_tracker_ids": track_count,
            "num_gt_dets": sum(map(len, truth)),
            "num_tracker_dets": sum(map(len, tracks)),
        }
        quiet = {"PRINT_CONFIG": False}
        hota = HOTA().eval_sequence(data)
        identity = Identity(quiet).eval_sequence(data)
        clear = CLEAR(quiet).eval_sequence(data)
        means = {name: float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA")}
        return {**means, "IDF1": float(identity["IDF1"]), "switches": float(clear["IDSW"])}


def main() -> int:
    """Run the clips and print a line for each tracker; 1 if lite is behind where it must lead."""
    options = _options()
    print(f"{'clip':<15}{'tracker':<11}HOTA   DetA   AssA   IDF1  switches  tracks  ms/frame")
    behind = []
    for clip in options.clip:
        moments = list(_moments(clip, options.frames))
        if not moments:
            print(f"{clip:<15}left out: {PEDESTRIANS} holds no gt.txt")
            continue
        scores: dict[str, dict[str, float]] = {}
        for name in options.tracker:
            record = run(name, moments, options.pictures and options.pictures / clip / name)
            score = scores[name] = record.score()
            print(
                f"{clip if name == options.tracker[0] else '':<15}{name:<11}"
                + "".join(f"{score[key]:.3f}  " for key in ("HOTA", "DetA", "AssA", "IDF1"))
                + f"{score['switches']:8.0f}  {len(np.unique(np.concatenate(record.tracks))):6d}"
                + f"  {1000 * record.spent_s / len(moments):8.1f}",
                flush=True,
            )
        if clip in OCCLUDED and _is_behind(scores):
            behind.append(clip)
    print(f"lite ahead in HOTA and IDF1 in each clip with occlusion: {_verdict(behind)}")
    return int(bool(behind))


def _is_behind(scores: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether another tracker has a better HOTA or IDF1 than lite."""
    mine = scores.get("lite")
    if mine is None:
        return False
    return any(other[key] > mine[key] for other in scores.values() for key in ("HOTA", "IDF1"))


def _verdict(behind: Sequence[str]) -> str:
    return f"no, not in {', '.join(behind)}" if behind else "yes"


def run(name: str, moments: Sequence[Moment], pictures: Path | None) -> Record:
    """Play a clip to one tracker."""
    track = video_tracker(name) if name in ("lite", "restart") else box_tracker(name)
    record = Record()
    for moment in moments:
        began_s = time.perf_counter()
        seen = track(moment)
        record.spent_s += time.perf_counter() - began_s
        record.add(moment, seen)
        if pictures:
            _draw(pictures, moment, seen)
    return record


def video_tracker(name: str) -> Track:
    """Make our tracker; it is given boxes on the frames for which it asks for them."""
    step = VideoTrackerManifest.model_validate(
        {
            "type": "trackwire/video_tracker@v1",
            "name": "tracker",
            "images": "$inputs.image",
            "boxes": "$steps.detector.predictions",
            "prompt_mode": "every_n_frames",
            "prompt_interval": INTERVAL,
            "lost_after": PATIENCE,
            "on_reprompt": "restart" if name == "restart" else "associate",
        }
    )
    tracker = VideoTracker.open(step, Resources())

    def track(moment: Moment) -> sv.Detections:
        columns: dict[str, list[Any]] = {"images": [moment.frame]}
        stream = moment.frame.video.video_identifier
        wanted = tracker.demand(Batch([stream], columns))["boxes"][0]
        given = build_detections(
            moment.frame,
            moment.found,
            confidence=moment.confidence,
            class_name="thing",
            producer="detector",
        )
        columns["boxes"] = [given if wanted else Missing("not_computed")]
        outcome = tracker.run(Batch([stream], columns))[0]
        if isinstance(outcome, Failure):
            raise outcome.error
        seen: sv.Detections = outcome["predictions"]  # type: ignore[call-overload, index]
        return seen

    return track


def box_tracker(name: str) -> Track:
    """Make a tracker of the package trackers; it is given the boxes of every frame."""
    from trackers import ByteTrackTracker, OCSORTTracker

    kind = {"ByteTrack": ByteTrackTracker, "OC-SORT": OCSORTTracker}[name]
    # At the frame rate for which the buffer is counted in frames.
    tracker = kind(lost_track_buffer=PATIENCE, frame_rate=30.0)

    def track(moment: Moment) -> sv.Detections:
        given = sv.Detections(
            xyxy=moment.found,
            confidence=moment.confidence,
            class_id=np.zeros(len(moment.found), dtype=int),
        )
        seen = tracker.update(given)
        confirmed = np.asarray(seen.tracker_id) >= 0 if len(seen) else np.zeros(0, bool)
        result: sv.Detections = seen[confirmed]
        return result

    return track


def _moments(clip: str, frames: int) -> Iterator[Moment]:
    if clip == "pedestrians":
        yield from _pedestrians(frames)
        return
    scene, size_wh = CLIPS[clip]
    renderer = SceneRenderer(build_scene(scene, size_wh=size_wh, frame_count=frames))
    detector = SceneDetector(min_visible=MIN_VISIBLE)
    for number in range(frames):
        truth = renderer.truth(number)
        found = detector.detect(truth)
        yield Moment(
            frame=_frame(clip, number, renderer.image(number), 25),
            ids=truth.ids,
            xyxy=truth.xyxy,
            counts=truth.visible_fraction >= MIN_VISIBLE,
            found=found.xyxy,
            confidence=found.confidence,
        )


def _pedestrians(frames: int) -> Iterator[Moment]:
    if not (PEDESTRIANS / "gt.txt").is_file():
        return
    rows = np.loadtxt(PEDESTRIANS / "gt.txt", delimiter=",")
    for number, path in enumerate(sorted((PEDESTRIANS / "frames").glob("*.jpg"))[:frames]):
        image = cv2.imread(str(path))
        if image is None:
            raise SystemExit(f"{path} cannot be read as a picture")
        there = rows[rows[:, 0] == number + 1]
        xyxy = np.hstack([there[:, 2:4], there[:, 2:4] + there[:, 4:6]]).astype(np.float32)
        detector = SceneDetector()
        height, width = image.shape[:2]
        found = detector.draw(number, xyxy, (width, height))
        yield Moment(
            frame=_frame("pedestrians", number, np.asarray(image, np.uint8), 10),
            ids=there[:, 1].astype(np.int64),
            xyxy=xyxy,
            counts=np.ones(len(xyxy), dtype=bool),
            found=found.xyxy,
            confidence=found.confidence,
        )


def _frame(clip: str, number: int, image: NDArray[np.uint8], fps: int) -> Frame:
    video = VideoMetadata(
        video_identifier=clip.replace("@", "-"),
        source_id=0,
        frame_number=number,
        epoch=0,
        media_time_s=Fraction(number, fps),
        frame_timestamp=datetime.now(UTC),
        received_s=time.monotonic(),
        fps=Fraction(fps),
        comes_from_video_file=True,
    )
    return Frame(image, video)


def _numbered(columns: Sequence[NDArray[np.int64]]) -> tuple[list[NDArray[np.intp]], int]:
    """Number ids from 0 on, in rising order."""
    known = np.unique(np.concatenate(columns))
    return [np.searchsorted(known, column) for column in columns], len(known)


def ids_of(tracks: sv.Detections) -> NDArray[np.int64]:
    """Return the identities of a tracker's detections, ``(N,)``."""
    if tracks.tracker_id is None:
        return np.empty(0, np.int64)
    return np.asarray(tracks.tracker_id, np.int64)


def _draw(folder: Path, moment: Moment, seen: sv.Detections) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    picture = moment.frame.image.copy()
    by_track = sv.ColorLookup.TRACK
    if seen.mask is not None:
        picture = sv.MaskAnnotator(color_lookup=by_track).annotate(picture, seen)
    for box in moment.found.astype(int).tolist():
        cv2.rectangle(picture, tuple(box[:2]), tuple(box[2:]), (200, 200, 200), 1)
    picture = sv.BoxAnnotator(color_lookup=by_track, thickness=1).annotate(picture, seen)
    scores = seen.data.get("mask_score", np.ones(len(seen)))
    labels = [f"{i} {s:.2f}" for i, s in zip(ids_of(seen), scores, strict=True)]
    if labels:
        picture = sv.LabelAnnotator(
            color_lookup=by_track, text_scale=0.35, text_padding=2
        ).annotate(picture, seen, labels)
    for number, (x1, _, _, y2), counts in zip(
        moment.ids.tolist(), moment.xyxy.astype(int).tolist(), moment.counts, strict=True
    ):
        if counts:
            cv2.putText(picture, str(number), (x1, y2), 0, 0.4, (255, 255, 255), 1)
    cv2.imwrite(str(folder / f"{moment.frame.video.frame_number:04d}.png"), picture)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = (*CLIPS, "pedestrians")
    parser.add_argument("--clip", action="append", choices=names, help="may be repeated")
    parser.add_argument("--tracker", action="append", choices=TRACKERS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="three clips of 150 frames")
    parser.add_argument("--frames", type=int, help=f"frames of each clip, {FRAMES}")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each frame")
    options = parser.parse_args()
    options.clip = options.clip or (QUICK if options.quick else names)
    options.tracker = options.tracker or TRACKERS
    options.frames = options.frames or (QUICK_FRAMES if options.quick else FRAMES)
    return options


if __name__ == "__main__":
    sys.exit(main())
