"""DS-1000 (Lai et al. 2022): a thousand data-science problems over seven Python libraries.

``ds1000`` asks for the code that continues the prompt, ``ds1000_insertion`` for the code that belongs at
the marker inside it; ``-LIBRARY`` (``ds1000-pandas``) takes the problems of one library. A program is
judged by the problem's own ``test_execution`` (and ``test_string``), which runs it inside the problem's
context, so its tests stand in the same process as the program. Insertion needs a model that takes
instructions, or was trained to fill in the middle.
"""

from __future__ import annotations

from ..errors import DataError
from ..sample import Json
from .data_files import BenchmarkSource, Row, locate, md5, rows
from .problem import Benchmark, Problem

SOURCE = BenchmarkSource(
    "ds1000",
    "ds1000/ds1000.jsonl.gz",
    "https://github.com/xlang-ai/DS-1000/raw/main/data/ds1000.jsonl.gz",
    ("xlangai/DS-1000", "test.jsonl"),
)
LIBRARIES = ("matplotlib", "numpy", "pandas", "pytorch", "scipy", "sklearn", "tensorflow")
STOP = ("</code>", "# SOLUTION END", "\nEND SOLUTION")
NEEDS_NETWORK = frozenset(
    f"DS1000/{number}"
    for number in (519, 539, 565, 566, 567, 577, 598, 624, 629, 650, 654, 655, 656, 661, 819)
)
"""Problems whose own context fetches data (seaborn's examples, scikit-learn's housing data)."""
_MARKER = "[insert]"
_BEGIN = "BEGIN SOLUTION\n<code>\n"


def names() -> dict[str, tuple[str, ...]]:
    """Every benchmark here, each standing for itself."""
    plain = ("ds1000", "ds1000_insertion")
    return {name: (name,) for base in plain for name in (base, *(f"{base}-{lib}" for lib in LIBRARIES))}


def version(name: str, data: str | None) -> str:
    """MD5 of the data."""
    return f"md5 {md5(locate(SOURCE, data))}"


def load(name: str, data: str | None) -> Benchmark:
    """The problems of all libraries, or of one.

    Raises:
        DataError: the file has no problem of the library.
    """
    base, _, library = name.partition("-")
    path = locate(SOURCE, data)
    found = rows(path, ("prompt", "code_context", "metadata"))
    problems = tuple(
        _problem(row, insertion=base == "ds1000_insertion")
        for row in found
        if library in ("", _metadata(row)["library"].lower())
    )
    if not problems:
        known = sorted({str(_metadata(row)["library"]).lower() for row in found})
        raise DataError(str(path), f"has no problem of library {library!r}", f"it has {', '.join(known)}")
    return Benchmark(name, version(name, data), problems)


def _metadata(row: Row) -> dict[str, Json]:
    found: dict[str, Json] = row["metadata"]
    return found


def _problem(row: Row, *, insertion: bool) -> Problem:
    facts = _metadata(row)
    prompt: str = row["prompt"]
    head, tail = around(prompt)
    if insertion:
        asked = f"{head}{_MARKER}{tail}"
        instruction = f"{asked}\n\nWrite only the code that belongs at {_MARKER}, in one code block."
    else:
        instruction = f"{prompt}\n\nWrite only the missing code, in one code block."
    return Problem(
        task_id=f"DS1000/{facts['problem_id']}",
        instruction=instruction,
        tests=tests(row["code_context"]),
        prompt="" if insertion else prompt,
        canonical=str(row.get("reference_code", "")),
        cpu_seconds=60.0,
        memory_bytes=8 << 30,
        stop=STOP,
        as_text=True,
    )


def around(prompt: str) -> tuple[str, str]:
    """What stands before and behind the code to insert."""
    if _MARKER in prompt:
        head, _, tail = prompt.partition(_MARKER)
        return head, tail
    head, begin, tail = prompt.rpartition(_BEGIN)
    return (head + begin, tail or "\n</code>\nEND SOLUTION\n") if begin else (prompt, "\n</code>\n")


def tests(context: str) -> str:
    """The problem's own tests, run on the program's text, which is in ``solution``."""
    calls = ["test_execution", *(["test_string"] if "def test_string(" in context else [])]
    body = "".join(f"    {name}(solution)\n" for name in calls)
    guard = (
        "except SystemExit as end:\n    raise AssertionError('the program ended its own tests') from end\n"
    )
    return f"{context}\ntry:\n{body}{guard}"
