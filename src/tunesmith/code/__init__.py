"""Text that is code: Markdown fences, grammars, what static analysis can tell."""
