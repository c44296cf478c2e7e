"""The ledger's page in the report site, made again whenever the ledger has grown."""

from __future__ import annotations

from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.reporting import ledger
from harness.run import account
from harness.settings import Settings


def refresh(settings: Settings, folder: Path) -> list[Path]:
    """Write the page; the paths written. A ledger that cannot be read is said to be on it. HarnessError E53 where the
    page cannot be written."""
    # a page is made at the end of a run; loading this does not load the library that makes it
    from harness.reporting import html

    try:
        told = account.events(settings, folder)
        page = ledger.page(told, account.judged(told))
    except (HarnessError, OSError) as error:
        page = ledger.page((), {}, error.headline if isinstance(error, HarnessError) else str(error))
    try:
        return html.write_ledger(page, folder)
    except OSError as error:
        raise HarnessError(
            f"report not written: {ledger.FILE}: {error.strerror or error}",
            where=str(folder),
            hint="make room, or make the report's folder writable",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        ) from None
