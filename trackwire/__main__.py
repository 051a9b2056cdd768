"""Lets ``python -m trackwire`` do what the command ``trackwire`` does."""

from __future__ import annotations

from trackwire.pipeline.cli import main

if __name__ == "__main__":
    main()
