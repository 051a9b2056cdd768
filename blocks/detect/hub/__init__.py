"""Detectors of the Hugging Face hub, run with what their files say of pictures and classes."""
