"""The pages beside the report: the ledger, and the ML Test Score; made again whenever the ledger has grown."""

from __future__ import annotations

from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.reporting import ledger, score
from harness.run import account
from harness.settings import Settings


def refresh(settings: Settings, folder: Path) -> list[Path]:
    """Write the pages; the paths written. A ledger that cannot be read is said to be on its page, and why there is no
    score on the other. HarnessError E53 where a page cannot be written."""
    # a page is made at the end of a run; loading this does not load the library that makes it
    from harness.reporting import html

    try:
        told = account.events(settings, folder)
        page = ledger.page(told, account.judged(told))
    except (HarnessError, OSError) as error:
        page = ledger.page((), {}, error.headline if isinstance(error, HarnessError) else str(error))
    try:
        return [*html.write_ledger(page, folder), *html.write_score(_score(settings, folder), folder)]
    except OSError as error:
        raise HarnessError(
            f"report not written: {ledger.FILE}, {score.FILE}: {error.strerror or error}",
            where=str(folder),
            hint="make room, or make the report's folder writable",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        ) from None


def _score(settings: Settings, folder: Path) -> score.ScoreView:
    from harness.run import score as scoring

    try:
        return score.page(scoring.score(settings, folder).to_json())
    except HarnessError as error:
        return score.page(None, error.headline)
    except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
        # a record of another harness may lack what is asked for: no page is worth the verdict of the run
        return score.page(None, f"{type(error).__name__}: {error}")
