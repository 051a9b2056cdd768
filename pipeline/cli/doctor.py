"""``trackwire doctor``: can this machine run workflows, and what would mend it?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.markup import escape

from .checks import CHECKS, Finding
from .console import ExitCode, out

__all__ = ["doctor"]

_MARKS = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "failed": "[bold red]FAIL[/]"}


def doctor(*, as_json: bool) -> ExitCode:
    """Run every check and print what was found.

    Args:
        as_json: One JSON array for programs, instead of lines for people.

    Returns:
        ``FAILED`` if something that every run needs is missing.
    """
    findings = []
    for finding in _examine():
        findings.append(finding)
        if not as_json:
            out.print(f"{_MARKS[finding.status]} {escape(f'{finding.name}: {finding.detail}')}")
            if finding.fix is not None:
                out.print(f"     [dim]to mend:[/] {escape(finding.fix)}")
    if as_json:
        out.print_json(json.dumps([asdict(finding) for finding in findings]))
    failed = sum(finding.status == "failed" for finding in findings)
    if failed and not as_json:
        out.print(f"[bold red]{failed} of {len(findings)} checks failed[/]")
    return ExitCode.FAILED if failed else ExitCode.DONE


def _examine() -> Iterator[Finding]:
    for name, check in CHECKS.items():
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001
            # A check meets whatever a broken installation throws; that is its finding.
            yield Finding(name, "failed", f"{type(error).__name__}: {error}", "reinstall trackwire")
