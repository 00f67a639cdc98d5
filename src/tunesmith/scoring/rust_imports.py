"""Rust takes no name twice: what a prompt imports must go where the reply imports or defines it itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..code.braces import bare

_USE = re.compile(r"^(?:pub[ \t]+)?use\s+([^;]+);[ \t]*\n?", re.MULTILINE)
_DEFINED = re.compile(
    r"^(?:pub(?:\([^)]*\))?[ \t]+)?(?:struct|enum|trait|type|fn|mod|const|static)\s+(\w+)", re.MULTILINE
)


def without_repeated_imports(head: str, code: str) -> str:
    """``head`` without the imports of names that ``code`` imports or defines at its margin."""
    plain = bare(code)
    taken = {name for found in _USE.finditer(plain) for _, name in _leaves(found[1])}
    taken.update(found[1] for found in _DEFINED.finditer(plain))

    def left(found: re.Match[str]) -> str:
        leaves = list(_leaves(found[1]))
        kept = [(path, name) for path, name in leaves if name not in taken]
        if len(kept) == len(leaves):
            return found[0]
        return "".join(f"use {path};\n" for path, _ in kept)

    return _USE.sub(left, head)


def _leaves(tree: str, above: str = "") -> Iterator[tuple[str, str]]:
    """(path, bound name) of every import of a use tree, as in ``a::{b, c::{self, d as e}}``."""
    for part in _split(tree):
        stem, brace, inner = part.partition("{")
        if brace:
            yield from _leaves(inner.rpartition("}")[0], above + stem.strip())
            continue
        path, _, alias = (word.strip() for word in part.partition(" as "))
        path = above.removesuffix("::") if path == "self" and above else above + path
        last = path.rpartition("::")[2]
        bound = alias or (path if last == "*" else last)
        yield (f"{path} as {alias}" if alias else path), bound


def _split(tree: str) -> Iterator[str]:
    """The parts of a list between commas outside braces."""
    depth, part = 0, ""
    for letter in " ".join(tree.split()):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += letter
    if part.strip():
        yield part.strip()
