"""Blocks that make other detections, or other values, of detections."""
