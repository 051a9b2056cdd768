"""Detectors that other packages bring, for ids such as ``rfdetr-nano`` and ``yolov8n-640``."""
