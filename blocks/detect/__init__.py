"""Detectors: blocks that find objects in a picture, or read where others have found them."""
