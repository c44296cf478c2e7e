"""`harness init`: from a folder with a model to its first verdict.

It looks around without running anything, says what it found and what it guessed, writes only what is not there, and
compares once.
"""
