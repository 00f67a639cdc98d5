"""Counting tokens without a tokenizer: an estimate before spending, and an upper bound for the budget.

The estimate counts the pieces that byte-pair tokenizers split at (words, runs of signs, groups of three
digits, line ends with their indent), long pieces more than once. Against OpenAI's o200k_base it was off by
at most 3.5% in sum on each of: 1,500 Code Alpaca instructions and their answers, 1,110 functions of
Python's standard library, HumanEval in Python and Java, and 164 replies of a code model; bytes divided by
3.6 are off by up to 16% on the same texts.
"""

from __future__ import annotations

import re

from ..requests import Request, Usage

_PIECE = re.compile(r"[A-Za-z]+|\d{1,3}|[^\sA-Za-z\d]+|\n\s*|\s{2,}")
_WORD_BYTES, _SIGN_BYTES = 9, 3
_PER_MESSAGE = 4


def tokens_of(text: str) -> int:
    """About how many tokens ``text`` is."""
    return sum(_tokens(piece) for piece in _PIECE.findall(text))


def _tokens(piece: str) -> int:
    first = piece[0]
    if first.isspace() or first.isdigit():
        return 1
    if first.isascii() and first.isalpha():
        return 1 + (len(piece) - 1) // _WORD_BYTES
    return 1 + (len(piece.encode("utf-8", "replace")) - 1) // _SIGN_BYTES


def request_tokens(request: Request) -> int:
    """About how many tokens the words of ``request`` are, with what a chat template adds."""
    return sum(tokens_of(turn.content) + _PER_MESSAGE for turn in request.messages)


def most_tokens(request: Request) -> Usage:
    """The most that a resolved request can use: a byte to a token, and the longest reply allowed."""
    said = sum(len(turn.content.encode("utf-8", "replace")) + 4 * _PER_MESSAGE for turn in request.messages)
    return Usage(said, request.sampling.max_tokens or 0)
