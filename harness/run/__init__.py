"""One run, from settings to verdict: plan, drive, conclude. The only room that knows all the others."""
