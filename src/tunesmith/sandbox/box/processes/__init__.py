"""Processes that run programs: how they are started, watched, limited and ended."""
