"""The rule-based teacher: a handler for each mechanism that asks a language model."""
