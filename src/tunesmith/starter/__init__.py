"""The starter world (small Python tasks that a small student can learn) and its rule-based teacher."""
