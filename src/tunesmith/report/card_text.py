"""Markdown for cards, from values that may hold anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import visible
from ..recipe.yaml import as_yaml


def card(front: Mapping[str, Any], parts: Iterable[str]) -> str:
    """A card: YAML metadata, as the Hugging Face hub reads it, then the parts, a blank line between them."""
    filled = {key: _on_one_line(value) for key, value in front.items() if value not in (None, "", [], {})}
    return f"---\n{as_yaml(filled)}---\n\n" + visible("\n\n".join(part for part in parts if part)) + "\n"


def _on_one_line(value: Any) -> Any:
    if isinstance(value, str):
        return visible(" ".join(value.split()))
    if isinstance(value, list):
        return [_on_one_line(item) for item in value]
    return {key: _on_one_line(item) for key, item in value.items()} if isinstance(value, dict) else value


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table with numbers aligned right; empty if there are no rows."""
    body = [list(row) for row in rows]
    if not body:
        return ""
    right = [
        all(isinstance(row[place], int | float) or row[place] == "" for row in body)
        for place in range(len(head))
    ]
    lines = [head, ["---:" if numeric else "---" for numeric in right]]
    lines += [[f"{cell:,}" if isinstance(cell, int | float) else plain(cell) for cell in row] for row in body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: Any) -> str:
    """``text`` on one line, with every character escaped that Markdown or HTML would act on."""
    line = " ".join(str(text).split())
    line = re.sub(r"([\\`*_{}\[\]|#~$])", r"\\\1", line)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
