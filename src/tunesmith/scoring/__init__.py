"""From programs to scores: asking, extracting, assembling, running, intervals."""
