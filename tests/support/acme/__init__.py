"""Somebody else's package: steps that live outside tunesmith, one per file."""
