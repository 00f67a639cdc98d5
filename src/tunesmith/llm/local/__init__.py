"""Generation on this machine: batching, decoding, threads."""
