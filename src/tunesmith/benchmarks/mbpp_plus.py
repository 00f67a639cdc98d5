"""MBPP+ (Liu et al. 2023): checked MBPP problems, 35 times the tests. Release and evaluator are two choices.

Releases: ``mbpp_plus`` is 0.2.0 (378 problems); ``mbpp_plus_0.1.0`` is the earlier one (399 problems), behind
published figures of WizardCoder-33B and WaveCoder. Evaluators: as evalplus judges today, with the tolerance
of the data and any order where the question leaves it open; or, with ``_exact`` after the name, as in early
2024: no second answer was right, and the tolerance was never used (its guard broke numpy's comparison).
Other records of 2024 on release 0.1.0 agree with the first evaluator, WaveCoder's with the second.
"""

from __future__ import annotations

from .data_files import BenchmarkSource, Row, locate, md5, rows
from .humaneval_plus import INPUTS, differential
from .mbpp import asked
from .problem import Benchmark, Problem

_URL = "https://github.com/evalplus/mbppplus_release/releases/download"
SOURCES = {
    "mbpp_plus": BenchmarkSource(
        "mbpp_plus", "mbppplus/MbppPlus.jsonl.gz", f"{_URL}/v0.2.0/MbppPlus.jsonl.gz"
    ),
    "mbpp_plus_0.1.0": BenchmarkSource(
        "mbpp_plus_0.1.0", "mbppplus/MbppPlus-v0.1.0.jsonl.gz", f"{_URL}/v0.1.0/MbppPlus.jsonl.gz"
    ),
}
_RELEASES = {"ee43ecabebf20deef4bb776a405ac5b1": "v0.2.0", "ebe95df0d5220f00cedd6f4bddea35e4": "v0.1.0"}
_EXACT = "_exact"
_NEEDS = ("task_id", "prompt", "entry_point", "canonical_solution", *INPUTS, "atol")
ARGUMENT_SHAPES = {
    "tuples": (
        *(2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630),
        *(726, 740, 744, 809),
    ),
    "lists of tuples": (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780),
    "first a list of tuples": (75, 413, 444, 753),
    "second a tuple": (106, 750),
    "first a tuple": (250, 307, 405, 446, 617, 720, 763, 808),
    "tuples of tuples": (259, 278, 401, 445),
    "deep": (580, 615, 791),
    "first a dict of tuples": (722,),
    "sets": (115,),
    "complex": (252,),
    "float and complex": (124,),
}
"""The Python types of arguments that JSON could not keep, by problem."""
_SHAPE_OF = {number: shape for shape, numbers in ARGUMENT_SHAPES.items() for number in numbers}
_ORACLES: dict[str, str] = {
    **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), "not_none"),
    "are_equivalent": "anything",
    "sum_div": "or_zero",
}
_LATER_ORACLES: dict[str, str] = {
    **dict.fromkeys(
        (
            *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly"),
            *("larg_nnum", "intersection_array", "find_dissimilar", "Diff"),
        ),
        "same_items",
    ),
    "surface_Area": "slant",
    "digit_distance_nums": "padded",
}


def _source(name: str) -> BenchmarkSource:
    return SOURCES[name.removesuffix(_EXACT)]


def version(name: str, data: str | None) -> str:
    """The release, where its MD5 is known, and the MD5 of the data."""
    found = md5(locate(_source(name), data))
    return " ".join(filter(None, (_RELEASES.get(found, ""), f"md5 {found}")))


def load(name: str, data: str | None) -> Benchmark:
    """The problems; ``cases`` are the base inputs, ``plus_cases`` the further ones."""
    exact = name.endswith(_EXACT)
    oracles = _ORACLES if exact else _ORACLES | _LATER_ORACLES
    default = "exact" if exact else "equal"
    data_rows = rows(locate(_source(name), data), _NEEDS, INPUTS)
    return Benchmark(name, version(name, data), tuple(_problem(row, oracles, default) for row in data_rows))


def _problem(row: Row, oracles: dict[str, str], default: str) -> Problem:
    shape = _SHAPE_OF.get(int(row["task_id"].rpartition("/")[2]), "")
    text, _, tests = row["prompt"].strip().strip('"').strip().partition("\nassert ")
    instruction = asked(text, ["assert " + tests])
    return differential(row, oracles.get(row["entry_point"], default), shape, instruction, ())
