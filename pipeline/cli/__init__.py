"""The command line: ``trackwire run | validate | models | demo | doctor``.

Exit codes: 0 done, 1 the run failed, 2 the call or the specification is wrong, 130 interrupted.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line on ``sys.argv`` and leave with its exit code.

    Raises:
        SystemExit: Always, with the exit code.
    """
    from .app import app

    app()
