"""The four families of the starter world, as data: numbers, digits, words and text.

Within a slot, parts go from common to rare; replacing a part by a rarer one is one of the ways a
task becomes harder. Numbers and digits share their arithmetic, as they would in real code.
"""
# ruff: noqa: E501 -- a table reads best with one part to a line

from __future__ import annotations

from .parts import Family, Part


def _part(name: str, code: str, says: str, **fold: str) -> Part:
    """A part whose phrases stand in one string, ``|`` between them."""
    return Part(name, code, tuple(says.split(" | ")), **fold)


def _takes(items: str) -> tuple[Part, ...]:
    one = items.removesuffix("s")
    return (
        _part("first-4", "[:4]", f"use the first 4 {items} | stop after 4 {items} | limit the input to 4 {items}"),
        _part("tail", "[1:]", f"skip the first {one} | leave out the first {one} | ignore the first {one}"),
        _part("every-2", "[::2]", f"use every second {one} | go on in steps of 2 {items} | pass over each second {one}"),
    )  # fmt: skip


def _even(items: str) -> Part:
    return _part(
        "even", "n % 2 == 0", f"keep the even {items} | take only even {items} | drop all but even {items}"
    )


def _odd(items: str) -> Part:
    return _part(
        "odd", "n % 2 == 1", f"keep the odd {items} | take only odd {items} | drop all but odd {items}"
    )


def _above(k: int, items: str) -> Part:
    says = f"keep {items} above {k} | take only {items} greater than {k} | drop all but {items} over {k}"
    return _part(f"above-{k}", f"n > {k}", says)


def _below(k: int, items: str) -> Part:
    says = f"keep {items} below {k} | take only {items} less than {k} | drop all but {items} under {k}"
    return _part(f"below-{k}", f"n < {k}", says)


def _multiple(k: int, items: str) -> Part:
    says = f"keep multiples of {k} | take only {items} divisible by {k} | drop all but multiples of {k}"
    return _part(f"multiple-{k}", f"n % {k} == 0", says)


def _times(k: int) -> Part:
    return _part(f"times-{k}", f"n * {k}", f"multiply each by {k} | scale each by {k} | take {k} times each")


def _plus(k: int) -> Part:
    return _part(f"plus-{k}", f"n + {k}", f"add {k} to each | raise each by {k} | increase each by {k}")


def _minus(k: int) -> Part:
    return _part(
        f"minus-{k}", f"n - {k}", f"subtract {k} from each | lower each by {k} | decrease each by {k}"
    )


def _modulo(k: int) -> Part:
    says = f"take each modulo {k} | take the remainder of each by {k} | reduce each modulo {k}"
    return _part(f"modulo-{k}", f"n % {k}", says)


_SQUARE = _part("square", "n * n", "square each | take the square of each | multiply each by itself")
_LIST = _part("list", "list({})", "return the list | return them as a list | give back a list")
_SORTED = _part("sorted", "sorted({})", "return them sorted | return them in order | return a sorted list")
_REVERSED = _part(
    "reversed", "list({})[::-1]", "return them reversed | return them backwards | return a reversed list"
)
_COUNT = _part("count", "len(list({}))", "return the count | count them | return how many there are", start="0", step="result += 1")  # fmt: skip
_DISTINCT = _part(
    "distinct", "len(set({}))", "count the distinct ones | return how many differ | count each kind once"
)
_ARITHMETIC = (
    _part("sum", "sum({})", "return the sum | return the total | add them up", start="0", step="result += {}"),
    _LIST,
    _part("maximum", "max({}, default=0)",
          "return the largest or 0 if none | return the maximum or 0 if none | find the biggest or 0 if none"),
    _SORTED,
    _part("minimum", "min({}, default=0)",
          "return the smallest or 0 if none | return the minimum or 0 if none | find the least or 0 if none"),
    _COUNT,
    _REVERSED,
)  # fmt: skip
_DASHED = _part(
    "dashed", '"-".join({})', "join them with dashes | join them by dashes | put dashes between them"
)
_UPPER = "make each upper case | turn each into upper case | uppercase each"
_DOUBLE = "double each | repeat each twice | write each twice"
_MARK = 'add "!" to each | end each with "!" | append "!" to each'

NUMBERS = Family(
    name="numbers",
    argument="numbers",
    variable="n",
    source="numbers{}",
    takes=_takes("numbers"),
    keeps=(
        _even("numbers"),
        _odd("numbers"),
        _part("positive", "n > 0", "keep the positive numbers | take only positive numbers | drop all but positive numbers"),
        _above(5, "numbers"),
        _part("negative", "n < 0", "keep the negative numbers | take only negative numbers | drop all but negative numbers"),
        _below(8, "numbers"),
        _multiple(3, "numbers"),
        _multiple(5, "numbers"),
    ),
    changes=(
        _SQUARE,
        _times(2),
        _plus(1),
        _part("negate", "-n", "negate each | flip the sign of each | change the sign of each"),
        _times(5),
        _minus(3),
        _part("absolute", "abs(n)", "take the absolute value of each | make each absolute | replace each by its absolute value"),
        _modulo(4),
    ),
    finishes=_ARITHMETIC,
)  # fmt: skip

DIGITS = Family(
    name="digits",
    argument="number",
    variable="n",
    source="map(int, str(number){})",
    takes=_takes("digits"),
    keeps=(
        _even("digits"),
        _odd("digits"),
        _above(5, "digits"),
        _below(8, "digits"),
        _multiple(3, "digits"),
        _part(
            "nonzero",
            "n > 0",
            "keep the positive digits | take only nonzero digits | drop all but nonzero digits",
        ),
    ),
    changes=(
        _SQUARE,
        _times(2),
        _plus(1),
        _times(5),
        _minus(3),
        _part("complement", "9 - n", "subtract each from 9 | take 9 minus each | replace each by 9 minus it"),
        _modulo(4),
    ),
    finishes=_ARITHMETIC,
)

WORDS = Family(
    name="words",
    argument="words",
    variable="w",
    source="words{}",
    takes=_takes("words"),
    keeps=(
        _part("longer-4", "len(w) > 4",
              "keep words longer than 4 | take only words over 4 letters | drop all but words longer than 4"),
        _part("shorter-4", "len(w) < 4",
              "keep words shorter than 4 | take only words under 4 letters | drop all but words shorter than 4"),
        _part("with-a", '"a" in w', 'keep words with "a" | take only words that contain "a" | drop all but words with "a"'),
        _part("with-e", '"e" in w', 'keep words with "e" | take only words that contain "e" | drop all but words with "e"'),
        _part("vowel", 'w[0] in "aeiou"',
              "keep words that start with a vowel | take only words with a vowel in front | drop all but words with a vowel in front"),
        _part("even", "len(w) % 2 == 0",
              "keep words of even length | take only even length words | drop all but words of even length"),
        _part("same-ends", "w[0] == w[-1]",
              "keep words with equal ends | take only words with the same ends | drop all but words with equal ends"),
    ),
    changes=(
        _part("upper", "w.upper()", _UPPER),
        _part("reverse", "w[::-1]", "reverse each | spell each backwards | turn each around"),
        _part("title", "w.title()", "capitalise each | make each title case | turn each into title case"),
        _part("first", "w[0]", "take the first letter of each | cut each to its first letter | replace each by its initial"),
        _part("double", "w * 2", _DOUBLE),
        _part("last", "w[-1]", "take the last letter of each | cut each to its last letter | replace each by its final letter"),
        _part("mark", 'w + "!"', _MARK),
    ),
    finishes=(
        _LIST,
        _SORTED,
        _part("spaced", '" ".join({})', "join them with spaces | join them by spaces | put spaces between them"),
        _DASHED,
        _COUNT,
        _REVERSED,
        _part("length", 'len("".join({}))',
              "return the total length | count all their letters | return the sum of their lengths", start="0", step="result += len({})"),
        _DISTINCT,
    ),
)  # fmt: skip

TEXT = Family(
    name="text",
    argument="text",
    variable="c",
    source="text{}",
    takes=_takes("characters"),
    keeps=(
        _part("letters", "c.isalpha()", "keep the letters | take only letters | drop all but letters"),
        _part("numerals", "c.isdigit()", "keep the digits | take only digits | drop all but digits"),
        _part("capitals", "c.isupper()", "keep the capitals | take only capitals | drop all but capitals"),
        _part("vowels", 'c.lower() in "aeiou"', "keep the vowels | take only vowels | drop all but vowels"),
        _part("solid", 'c != " "', "drop the spaces | take all but spaces | leave out spaces"),
        _part("small", "c.islower()", "keep the lower case | take only lower case | drop all but lower case"),
        _part("late", 'c > "m"',
              'keep characters after "m" | take only characters above "m" | drop all but characters above "m"'),
    ),
    changes=(
        _part("upper", "c.upper()", _UPPER),
        _part("lower", "c.lower()", "make each lower case | turn each into lower case | lowercase each"),
        _part("double", "c * 2", _DOUBLE),
        _part("swap", "c.swapcase()", "swap the case of each | flip the case of each | change the case of each"),
        _part("mark", 'c + "!"', _MARK),
        _part("triple", "c * 3", "triple each | repeat each 3 times | write each 3 times"),
    ),
    finishes=(
        _part("joined", '"".join({})', "join them | return one string | glue them together", start='""', step="result += {}"),
        _part("mirrored", '"".join({})[::-1]', "join and reverse them | return one reversed string | glue them and reverse it",
              start='""', step="result += {}", end="result[::-1]"),
        _part("ordered", '"".join(sorted({}))', "sort and join them | return one sorted string | glue them in sorted order"),
        _DASHED,
        _COUNT,
        _LIST,
        _DISTINCT,
    ),
)  # fmt: skip

FAMILIES: tuple[Family, ...] = (NUMBERS, DIGITS, WORDS, TEXT)
