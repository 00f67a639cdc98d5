"""Source of languages with curly braces, as far as putting programs together needs to know it."""

from __future__ import annotations

import re
from collections.abc import Iterator

HIDDEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|`(?:\\.|[^`\\])*`""", re.DOTALL
)
"""Comments, strings and characters."""
_MAINS = {
    "cpp": r"^(?:int|void|signed)\s+main\s*\(",
    "rust": r"^(?:pub\s+)?fn\s+main\s*\(",
    "go": r"^func\s+main\s*\(",
    "java": r"^[ \t]*public\s+static\s+void\s+main\s*\(",
    "csharp": r"^[ \t]*(?:public\s+)?static\s+\w+\s+Main\s*\(",
}


def bare(code: str) -> str:
    """``code`` with comments and strings blanked out, offsets unchanged."""
    return HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), code)


def braces(code: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """(offset, +1 or -1) of the curly braces from ``start``, outside comments and strings."""
    for found in re.finditer(r"[{}]", bare(code[start:])):
        yield start + found.start(), 1 if found[0] == "{" else -1


def defines_main(code: str, language: str) -> bool:
    """Whether ``code`` brings the function that a program of this language starts with."""
    pattern = _MAINS.get(language)
    return pattern is not None and re.search(pattern, code, re.MULTILINE) is not None


def without_main(code: str, language: str) -> str:
    """``code`` without its main function."""
    found = re.search(_MAINS[language], code, re.MULTILINE) if language in _MAINS else None
    if found is None:
        return code
    depth = 0
    for place, change in braces(code, found.start()):
        depth += change
        if depth <= 0:
            return code[: found.start()] + code[place + 1 :]
    return code[: found.start()]


def header_name(prompt: str) -> str:
    """The function whose header ``prompt`` ends with."""
    header = prompt.rstrip().rpartition("\n")[2]
    keyword = re.search(r"\b(?:function|func|fn|def|sub|fun|const|let|var)\s+([\w.]+)", header)
    called = keyword or re.search(r"([A-Za-z_]\w*)\s*(?:<-\s*function\s*)?\(", header)
    return called[1] if called else ""
