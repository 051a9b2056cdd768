"""What a step of a workflow does: detectors, the tracker, drawing, and the values on the wires.

The names in ``__all__`` load on first use, so importing this package imports neither OpenCV nor
a model. :func:`builtin_blocks` lists the blocks that come with Trackwire.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from trackwire.specs import lazy_names

if TYPE_CHECKING:
    from trackwire.specs import Block

    from .coordinates import in_frame_coordinates
    from .detect.detector import DetectOptions
    from .detect.known_detectors import KNOWN_DETECTORS, KnownDetector
    from .detect.model_id import load_detector
    from .detections import build_detections, empty_detections
    from .detections_json import (
        DetectionsFormatError,
        detections_from_json,
        detections_to_json,
    )
    from .download import DownloadedModel, download_model
    from .frame import CropOrigin, Frame, VideoMetadata
    from .models.catalog import (
        VIDEO_MODELS,
        ModelEntry,
        find_video_model,
        load_image_model,
        load_video_model,
    )
    from .models.concept_catalog import CONCEPT_MODELS, find_concept_model, load_concept_model
    from .models.concept_seam import (
        ConceptEnd,
        ConceptModel,
        ConceptProposal,
        ConceptQuery,
    )
    from .models.image_seam import ImageModel, ImagePrompts, Segmented
    from .models.lite import LiteModel
    from .models.seam import MemoryPlan, Prompt, Proposal, VideoModel
    from .segment.interactive_predictor import SAM3InteractiveImagePredictor, build_tracker
    from .segment.polygons import masks2poly
    from .segment.prompts import Sam2Prompt, Sam2PromptSet
    from .segment.segment_anything2 import SegmentAnything2
    from .track.control import TrackerControl
    from .track.track_events import TrackEvent
    from .track.tracker_status import SessionStatus, TrackerStatus

if __name__ != "trackwire.blocks":
    raise ImportError(f"import trackwire.blocks, not {__name__}: it would be a second module")

__all__ = [
    "BUILTIN_BLOCKS",
    "CONCEPT_MODELS",
    "KNOWN_DETECTORS",
    "VIDEO_MODELS",
    "ConceptEnd",
    "ConceptModel",
    "ConceptProposal",
    "ConceptQuery",
    "CropOrigin",
    "DetectOptions",
    "DetectionsFormatError",
    "DownloadedModel",
    "Frame",
    "ImageModel",
    "ImagePrompts",
    "KnownDetector",
    "LiteModel",
    "MemoryPlan",
    "ModelEntry",
    "Prompt",
    "Proposal",
    "SAM3InteractiveImagePredictor",
    "Sam2Prompt",
    "Sam2PromptSet",
    "SegmentAnything2",
    "Segmented",
    "SessionStatus",
    "TrackEvent",
    "TrackerControl",
    "TrackerStatus",
    "VideoMetadata",
    "VideoModel",
    "build_detections",
    "build_tracker",
    "builtin_blocks",
    "detections_from_json",
    "detections_to_json",
    "download_model",
    "empty_detections",
    "find_concept_model",
    "find_video_model",
    "in_frame_coordinates",
    "load_concept_model",
    "load_detector",
    "load_image_model",
    "load_video_model",
    "masks2poly",
]

BUILTIN_BLOCKS: Final[tuple[tuple[str, str], ...]] = (
    ("detect.instance_segmentation", "InstanceSegmentation"),
    ("detect.motion", "MotionDetection"),
    ("detect.object_detection", "ObjectDetection"),
    ("detect.replay", "ReplayedDetections"),
    ("detect.hosted", "HostedDetectorV1"),
    ("detect.hosted", "HostedDetectorV2"),
    ("detect.hosted", "HostedDetectorV3"),
    ("detect.hosted_segmentation", "HostedSegmentationV1"),
    ("detect.hosted_segmentation", "HostedSegmentationV2"),
    ("detect.hosted_segmentation", "HostedSegmentationV3"),
    ("draw.bounding_box", "BoundingBoxVisualization"),
    ("draw.label", "LabelVisualization"),
    ("draw.mask", "MaskVisualization"),
    ("draw.trace", "TraceVisualization"),
    ("draw.polygon", "PolygonVisualization"),
    ("draw.halo", "HaloVisualization"),
    ("draw.dot", "DotVisualization"),
    ("draw.color", "ColorVisualization"),
    ("draw.hiding", "BlurVisualization"),
    ("draw.hiding", "PixelateVisualization"),
    ("draw.zones", "LineCounterVisualization"),
    ("draw.zones", "PolygonZoneVisualization"),
    ("measure.line_counter", "LineCounterV1"),
    ("measure.line_counter", "LineCounterV2"),
    ("measure.time_in_zone", "TimeInZoneV1"),
    ("measure.time_in_zone", "TimeInZoneV2"),
    ("measure.time_in_zone", "TimeInZoneV3"),
    ("measure.velocity", "Velocity"),
    ("route.continue_if", "ContinueIf"),
    ("route.delta_filter", "DeltaFilter"),
    ("route.rate_limiter", "RateLimiter"),
    ("segment.image_segmentation", "ImageSegmentation"),
    ("segment.image_segmentation", "SegmentAnything"),
    ("send.local_file", "LocalFileSink"),
    ("send.webhook", "WebhookSink"),
    ("track.box_trackers", "ByteTrackerV1"),
    ("track.box_trackers", "ByteTrackerV2"),
    ("track.box_trackers", "ByteTrackerV3"),
    ("track.box_trackers", "ByteTrack"),
    ("track.box_trackers", "OCSORT"),
    ("track.concept_tracker", "ConceptTracker"),
    ("track.sam3_video", "Sam3VideoTracker"),
    ("track.video_tracker", "VideoTracker"),
    ("track.video_tracker", "Sam2VideoTracker"),
    ("transform.csv_formatter", "CsvFormatter"),
    ("transform.detections_filter", "DetectionsFilter"),
    ("transform.dynamic_crop", "DynamicCrop"),
    ("transform.property_definition", "PropertyDefinition"),
    ("transform.static_crop", "AbsoluteStaticCrop"),
    ("transform.static_crop", "RelativeStaticCrop"),
)
"""The blocks that come with Trackwire: module below this package, class. One line each."""

_HOME: Final = {
    "CropOrigin": "frame",
    "DetectOptions": "detect.detector",
    "DetectionsFormatError": "detections_json",
    "DownloadedModel": "download",
    "Frame": "frame",
    "ImageModel": "models.image_seam",
    "ImagePrompts": "models.image_seam",
    "LiteModel": "models.lite",
    "MemoryPlan": "models.seam",
    "ModelEntry": "models.catalog",
    "Prompt": "models.seam",
    "Proposal": "models.seam",
    "Sam2Prompt": "segment.prompts",
    "Sam2PromptSet": "segment.prompts",
    "SegmentAnything2": "segment.segment_anything2",
    "SAM3InteractiveImagePredictor": "segment.interactive_predictor",
    "Segmented": "models.image_seam",
    "SessionStatus": "track.tracker_status",
    "TrackEvent": "track.track_events",
    "TrackerControl": "track.control",
    "TrackerStatus": "track.tracker_status",
    "VIDEO_MODELS": "models.catalog",
    "VideoMetadata": "frame",
    "VideoModel": "models.seam",
    "KNOWN_DETECTORS": "detect.known_detectors",
    "KnownDetector": "detect.known_detectors",
    "build_detections": "detections",
    "build_tracker": "segment.interactive_predictor",
    "detections_from_json": "detections_json",
    "detections_to_json": "detections_json",
    "download_model": "download",
    "empty_detections": "detections",
    "find_video_model": "models.catalog",
    "in_frame_coordinates": "coordinates",
    "load_detector": "detect.model_id",
    "load_image_model": "models.catalog",
    "load_video_model": "models.catalog",
    "masks2poly": "segment.polygons",
    "CONCEPT_MODELS": "models.concept_catalog",
    "ConceptEnd": "models.concept_seam",
    "ConceptModel": "models.concept_seam",
    "ConceptProposal": "models.concept_seam",
    "ConceptQuery": "models.concept_seam",
    "find_concept_model": "models.concept_catalog",
    "load_concept_model": "models.concept_catalog",
}


def builtin_blocks() -> tuple[type[Block], ...]:
    """Import and list the blocks that come with Trackwire.

    Returns:
        The block classes in the order of :data:`BUILTIN_BLOCKS`.
    """
    return tuple(
        getattr(import_module(f"{__name__}.{module}"), name) for module, name in BUILTIN_BLOCKS
    )


__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
