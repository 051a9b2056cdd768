"""The command line: ``trackwire run | validate | models | demo | doctor``.

Exit codes: 0 done, 1 the run failed, 2 the call or the specification is wrong, 130 interrupted.
"""

from __future__ import annotations

import os

__all__ = ["main"]


def main() -> None:
    """Run the command line on ``sys.argv`` and leave with its exit code.

    Raises:
        SystemExit: Always, with the exit code.
    """
    # Read when NumPy is first imported. OpenBLAS splits even the small matrices of the embedded
    # tracker over all cores and spins while it waits, which on a busy machine costs four times
    # what the work itself does.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .app import app

    app()
