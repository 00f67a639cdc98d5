"""Words and tokens of any text, in any script: the one tokenizer behind counts, n-grams and similarities.

A word is a run of letters, digits, marks and underscores. Scripts without blanks between words (Chinese,
Japanese, Thai, Lao, Khmer, Burmese) would make a whole clause one word. Each of their characters is a word
of its own, together with the vowel signs and tone marks that belong to it.
"""

from __future__ import annotations

import re

# Vowel signs and other marks. Python's \w leaves most of them out, which would cut words of Indic, Thai,
# Arabic and Hebrew text into pieces. The Indic blocks are taken whole but for the danda, their full stop.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u0900-\u0963\u0966-\u0df3"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060"
    "\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd"
    "\u3099\u309a\u200c\u200d\ufe00-\ufe0f"
)
# Letters of scripts without blanks: Thai, Lao, Burmese, Khmer, kana, Han, half-width kana, rarer Han. Korean
# has blanks, and so is not here.
_UNSPACED = (
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a"
    "\u103f\u1050-\u1055\u1780-\u17b3\u17d7\u17dc\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
_SPACED = rf"(?:(?![{_UNSPACED}])[\w{_MARKS}])+"
_CHARACTER = rf"[{_UNSPACED}][{_MARKS}]*"
_WORD = re.compile(rf"{_SPACED}|{_CHARACTER}")
_PROSE_WORD = re.compile(rf"{_SPACED}(?:['’]{_SPACED})?|{_CHARACTER}")
_TOKEN = re.compile(rf"{_SPACED}|{_CHARACTER}|[^\w\s]")
# Most text is ASCII, where these find the same in two thirds of the time.
_ASCII_WORD = re.compile(r"\w+")
_ASCII_PROSE_WORD = re.compile(r"\w+(?:'\w+)?")
_ASCII_TOKEN = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """The words of prose or code, lower case, without punctuation."""
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text.lower())


def prose_words(text: str) -> list[str]:
    """The words of prose, lower case; ``don't`` is one word."""
    return (_ASCII_PROSE_WORD if text.isascii() else _PROSE_WORD).findall(text.lower())


def word_count(text: str) -> int:
    """Runs without white space, and each character of scripts that have no blanks between words."""
    if text.isascii():
        return len(text.split())
    spaced, characters = re.subn(_CHARACTER, " ", text)
    return characters + sum(run.isascii() or any(map(str.isalnum, run)) for run in spaced.split())


def tokens(text: str) -> list[str]:
    """Words and single signs, in their case: ``a+b`` is three tokens."""
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)
