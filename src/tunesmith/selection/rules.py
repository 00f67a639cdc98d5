"""``selection.rules``: rules for raw code, instructions and answers, checked without a model.

WaveCoder keeps raw code of 50 to 800 characters without forbidden words (2312.14187, Section 2.2);
the line rules are those of StarCoder's data (2305.06161, Section 3: longest line, mean line,
share of letters and digits). A row is dropped by the first rule it breaks, in the order of ``RULES``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache
from typing import Self

from pydantic import Field, model_validator

from ..code.find_program import code_of
from ..code.grammars import has_grammar, syntax
from ..code.markdown import language_name, parse
from ..code.words import word_count
from ..sample import Drop, Sample, TextField
from ..step import Context, Step, Yield


class Rules(Step):
    """Keeps rows whose text obeys every rule; a drop names the rule that was broken."""

    field: TextField
    """The text that is checked."""
    min_chars: int | None = Field(default=None, ge=0)
    """Fewest characters."""
    max_chars: int | None = Field(default=None, ge=0)
    """Most characters."""
    min_words: int | None = Field(default=None, ge=0)
    """Fewest words: runs without white space, or characters of a script without any."""
    max_words: int | None = Field(default=None, ge=0)
    """Most words."""
    min_lines: int | None = Field(default=None, ge=0)
    """Fewest lines that are not blank."""
    max_lines: int | None = Field(default=None, ge=0)
    """Most lines that are not blank."""
    forbid: tuple[str, ...] = ()
    """Words that must not occur, upper or lower case; `pass` does not forbid `password`."""
    max_line: int | None = Field(default=None, gt=0)
    """Characters in the longest line (StarCoder: 1000)."""
    max_mean_line: float | None = Field(default=None, gt=0)
    """Characters per line, on average (StarCoder: 100)."""
    min_alnum: float | None = Field(default=None, ge=0, le=1)
    """Share of letters and digits among all characters (StarCoder: 0.25)."""
    docstring: bool = False
    """Whether a Python program must define a function with a docstring."""
    parses: bool = False
    """Whether the program (the first fenced block, or all of it) must parse in the row's language;
    languages other than Python need the `languages` extra."""

    @model_validator(mode="after")
    def _some_rule(self) -> Self:
        if not self.model_fields_set - {"field"}:
            raise ValueError("no rule is set: set for example min_chars: 50")
        return self

    def row(self, sample: Sample, ctx: Context) -> Yield:
        text: str = getattr(sample, self.field)
        if not text.strip():
            yield Drop(sample, f"{self.field} is empty")
            return
        for rule in RULES:
            reason = rule(self, text, sample)
            if reason:
                yield Drop(sample, reason)
                return
        yield sample


def length_in_chars(rules: Rules, text: str, sample: Sample) -> str:
    """Characters, all of them."""
    return _outside(rules.min_chars, rules.max_chars, "characters", lambda: len(text))


def length_in_words(rules: Rules, text: str, sample: Sample) -> str:
    """Words: runs without white space, or characters of a script without any."""
    return _outside(rules.min_words, rules.max_words, "words", lambda: word_count(text))


def length_in_lines(rules: Rules, text: str, sample: Sample) -> str:
    """Lines that are not blank."""
    filled = (line for line in text.split("\n") if line.strip())
    return _outside(rules.min_lines, rules.max_lines, "lines", lambda: sum(1 for _ in filled))


def forbidden_words(rules: Rules, text: str, sample: Sample) -> str:
    """Whole words, whatever their case."""
    found = _any_of(rules.forbid).search(text) if rules.forbid else None
    return f"forbidden word: {found[0].lower()}" if found else ""


def longest_line(rules: Rules, text: str, sample: Sample) -> str:
    """Characters in the longest line: data and minified code have very long ones."""
    if rules.max_line is None or max(map(len, text.split("\n"))) <= rules.max_line:
        return ""
    return f"a line over {rules.max_line} characters"


def mean_line(rules: Rules, text: str, sample: Sample) -> str:
    """Characters per line, on average."""
    lines = text.split("\n")
    if rules.max_mean_line is None or sum(map(len, lines)) / len(lines) <= rules.max_mean_line:
        return ""
    return f"mean line over {rules.max_mean_line:g} characters"


def letters_and_digits(rules: Rules, text: str, sample: Sample) -> str:
    """Share of letters and digits among all characters: tables and binary text have few."""
    if rules.min_alnum is None or sum(map(str.isalnum, text)) / len(text) >= rules.min_alnum:
        return ""
    return f"under {rules.min_alnum:g} letters and digits"


def has_docstring(rules: Rules, text: str, sample: Sample) -> str:
    """Some function of the program has a docstring."""
    if not rules.docstring:
        return ""
    tree = parse(code_of(text, "python"))
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    nodes = ast.walk(tree) if tree else ()
    return "" if any(isinstance(n, functions) and ast.get_docstring(n) for n in nodes) else "no docstring"


def does_parse(rules: Rules, text: str, sample: Sample) -> str:
    """The program parses. A program in a language without a grammar is dropped, not taken for right."""
    if not rules.parses:
        return ""
    language = language_name(sample.language)
    program = code_of(text, language)
    if language == "python":
        return "" if parse(program) else "does not parse"
    if not has_grammar(language):
        return f"cannot be parsed here: {language or 'language unknown'}"
    return "does not parse" if syntax(program, language).root_node.has_error else ""


RULES: tuple[Callable[[Rules, str, Sample], str], ...] = (
    length_in_chars,
    length_in_words,
    length_in_lines,
    forbidden_words,
    longest_line,
    mean_line,
    letters_and_digits,
    has_docstring,
    does_parse,
)
"""In the order in which they are checked, cheap ones first. Each returns a short reason, or empty text."""


def _outside(least: int | None, most: int | None, unit: str, count: Callable[[], int]) -> str:
    if least is None and most is None:
        return ""
    found = count()
    if least is not None and found < least:
        return f"under {least} {unit}"
    return f"over {most} {unit}" if most is not None and found > most else ""


@cache
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
