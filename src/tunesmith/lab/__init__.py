"""The lab: the papers' comparisons as runnable experiments with intervals."""
