"""Image segmentation: masks in single pictures, from boxes, points or nothing."""
