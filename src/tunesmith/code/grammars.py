"""Syntax trees of programs in many languages, by tree-sitter grammars that are wheels of their own.

Python's grammar is always there; the others come with the ``languages`` extra.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

PACKAGES = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "java": ("tree_sitter_java", "language"),
    "go": ("tree_sitter_go", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "php_only": ("tree_sitter_php", "language_php_only"),
    "ruby": ("tree_sitter_ruby", "language"),
}
"""Language -> the package of its grammar and the function in it."""


def has_grammar(language: str) -> bool:
    """Whether a grammar for ``language`` is installed."""
    return language in PACKAGES and find_spec(PACKAGES[language][0]) is not None


def syntax(code: str, language: str) -> Tree:
    """The syntax tree of ``code``; where it does not parse, ``root_node.has_error``.

    Raises: ModuleNotFoundError where no grammar is installed (ask ``has_grammar``).
    """
    if language == "php" and "<?" not in code:
        language = "php_only"  # else all of it would be text between tags
    return _parser(language).parse(code.encode(errors="replace"))


@lru_cache(maxsize=len(PACKAGES))
def _parser(language: str) -> Parser:
    from tree_sitter import Language, Parser

    package, function = PACKAGES[language]
    return Parser(Language(getattr(import_module(package), function)()))
