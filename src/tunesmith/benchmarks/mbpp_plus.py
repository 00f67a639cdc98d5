"""MBPP+ (Liu et al. 2023): checked MBPP problems with 35 times the tests; releases 0.1.0 and 0.2.0.

The figures published for WizardCoder-33B and WaveCoder are of release 0.1.0 (399 problems), with the
evaluator of early 2024: it took no other order of items and no second reading for right, and its
tolerance never came into force (its guard broke the function of numpy that compared). So release 0.1.0 is
judged exactly here; release 0.2.0 (378 problems) as evalplus does today.
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


def version(name: str, data: str | None) -> str:
    """The release, where its MD5 is known, and the MD5 of the data."""
    found = md5(locate(SOURCES[name], data))
    return " ".join(filter(None, (_RELEASES.get(found, ""), f"md5 {found}")))


def load(name: str, data: str | None) -> Benchmark:
    """The problems; ``cases`` are the base inputs, ``plus_cases`` the further ones."""
    found = version(name, data)
    old = found.startswith("v0.1.0")
    oracles = _ORACLES if old else _ORACLES | _LATER_ORACLES
    default = "exact" if old else "equal"
    problems = (_problem(row, oracles, default) for row in rows(locate(SOURCES[name], data), _NEEDS, INPUTS))
    return Benchmark(name, found, tuple(problems))


def _problem(row: Row, oracles: dict[str, str], default: str) -> Problem:
    shape = _SHAPE_OF.get(int(row["task_id"].rpartition("/")[2]), "")
    text, _, tests = row["prompt"].strip().strip('"').strip().partition("\nassert ")
    instruction = asked(text, ["assert " + tests])
    return differential(row, oracles.get(row["entry_point"], default), shape, instruction, ())
