"""Every loader, on rows in its benchmark's format made by us."""

import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark_world import data_folder, plus_rows, write_gz
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.benchmarks import GROUPS, NAMES, data_files, data_version, expand, load
from tunesmith.benchmarks.ds1000 import around
from tunesmith.benchmarks.mbpp_plus import ARGUMENT_SHAPES
from tunesmith.errors import DataError, SetupError, UserError
from tunesmith.results import Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.box.testing.oracle import SHAPES
from tunesmith.scoring.extract import fence_first
from tunesmith.scoring.score import Candidate, judge


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


def test_every_name_loads_by_its_address_and_groups_spell_out():
    assert expand(["humanevalfix"]) == [
        f"humanevalfix-{lang}" for lang in ("python", "js", "java", "go", "cpp", "rust")
    ]
    assert expand(["humaneval", "mbpp", "humaneval"]) == ["humaneval", "mbpp"]
    assert all(name in NAMES for some in GROUPS.values() for name in some)
    with pytest.raises(UserError, match="did you mean 'mbpp_plus'"):
        expand(["mbpp_puls"])


def test_the_starter_world_needs_no_data():
    benchmark = load("starter")
    assert len(benchmark.problems) > 100
    assert data_version("starter") == benchmark.version


@pytest.mark.parametrize("place", ["humaneval/HumanEval.jsonl.gz", "HumanEval.jsonl.gz", "HumanEval.jsonl"])
def test_a_file_is_found_at_its_place_or_at_the_top_packed_or_not(tmp_path: Path, place: str):
    source = data_folder(tmp_path / "a") / "humaneval" / "HumanEval.jsonl.gz"
    target = tmp_path / "b" / place
    target.parent.mkdir(parents=True)
    content = source.read_bytes()
    target.write_bytes(content if place.endswith(".gz") else gzip.decompress(content))
    assert len(load("humaneval", str(tmp_path / "b")).problems) == 3
    assert load("humaneval", str(target)).problems == load("humaneval", str(tmp_path / "b")).problems


def test_the_version_is_the_hash_of_the_unpacked_data(tmp_path: Path):
    folder = data_folder(tmp_path)
    packed_version = data_version("humaneval", str(folder))
    path = folder / "humaneval" / "HumanEval.jsonl.gz"
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    assert data_version("humaneval", str(folder)) == packed_version


def test_a_fetched_file_is_kept_and_used_without_network(tmp_path: Path, monkeypatch):
    kept = data_files.kept_folder() / "humaneval" / "HumanEval.jsonl.gz"
    monkeypatch.setattr(data_files, "locate", data_files.locate)
    origin = data_folder(tmp_path) / "humaneval" / "HumanEval.jsonl.gz"
    source = data_files.BenchmarkSource("humaneval", "humaneval/HumanEval.jsonl.gz", origin.as_uri())
    assert data_files.locate(source, None) == kept
    origin.unlink()
    assert data_files.locate(source, None).read_bytes() == kept.read_bytes()


def test_what_cannot_be_fetched_says_how_to_go_on(tmp_path: Path):
    source = data_files.BenchmarkSource(
        "humaneval", "humaneval/HumanEval.jsonl.gz", (tmp_path / "none.gz").as_uri()
    )
    with pytest.raises(SetupError, match="give `data`: a folder that holds humaneval/HumanEval"):
        data_files.locate(source, None)
    assert not [path for path in data_files.kept_folder().rglob("*") if path.is_file()]


BROKEN = {
    b'{"task_id": "x"}\n': r"\.jsonl:1: row lacks prompt, entry_point",
    b'{"task_id": \n': r"\.jsonl:1: is not JSON",
    b'\n\n{"task_id": "x"}\n': r"\.jsonl:3: row lacks prompt",
    b'[{"task_id": "x"}]': r"\.jsonl:1: row lacks prompt",
    b'{\n\n"task_id": "caf\xe9"}\n': r"\.jsonl:3: is not UTF-8",
    b"": "holds no rows",
}


@pytest.mark.parametrize("content", BROKEN)
def test_a_malformed_file_is_named_with_its_line(tmp_path: Path, content: bytes):
    (tmp_path / "HumanEval.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=BROKEN[content]):
        load("humaneval", str(tmp_path))


@pytest.mark.parametrize("before", [b"", b'{"task_id": '])
def test_json_nested_too_deep_is_told(tmp_path: Path, before: bytes):
    (tmp_path / "HumanEval.jsonl").write_bytes(before + b"[" * 100_000)
    with pytest.raises(DataError, match="is not JSON"):
        load("humaneval", str(tmp_path))


def test_a_broken_parquet_file_is_told(tmp_path: Path):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(DataError, match=r"rows\.parquet: is not Parquet"):
        data_files.rows(tmp_path / "rows.parquet", ["a"])


VALUES = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), VALUES, min_size=1), VALUES, st.booleans(), st.sampled_from("jl"))
def test_a_field_as_text_says_what_it_said(row, value, indented, shape):
    row |= {"task_id": "t", "inputs": [value]}
    text = json.dumps(row, ensure_ascii=indented, separators=(" ,\t", " : ") if indented else None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text(f"[{text}]" if shape == "j" else f" {text}\n{text}", encoding="utf-8")
        found = data_files.rows(path, ["task_id"], ["inputs"])
    assert len(found) == (1 if shape == "j" else 2)
    assert all({**got, "inputs": json.loads(got["inputs"])} == row for got in found)


WITH_TEXT = {
    '{"inputs": [1}': "is not JSON",
    '{"inputs": [1] "b": 2}': "is not JSON",
    '{"inputs": [1], }': "is not JSON",
    '{"inputs": [1], "b": 2} {}': "is not JSON",
    '["inputs", [1]]': "row lacks inputs",
    "{}": "row lacks inputs",
    "}": "is not JSON",
    '{"inputs": [1]\xa0}': "is not JSON",
    '{"inputs"\x0c: [1]}': "is not JSON",
    '{"inputs": [1]}\u2003': "is not JSON",
}


@pytest.mark.parametrize("line", WITH_TEXT)
def test_a_malformed_row_is_told_where_fields_stay_text(tmp_path: Path, line: str):
    (tmp_path / "rows.jsonl").write_text('{"inputs": []}\n' + line, encoding="utf-8")
    with pytest.raises(DataError, match=rf"rows\.jsonl:2: {WITH_TEXT[line]}"):
        data_files.rows(tmp_path / "rows.jsonl", ["inputs"], ["inputs"])


@pytest.mark.parametrize("line", ('{"inputs": "[1]"}', '[{"inputs": "[1]"}]'))
def test_text_in_a_field_as_text_is_text_in_every_shape(tmp_path: Path, line: str):
    (tmp_path / "rows.jsonl").write_text(line)
    assert data_files.rows(tmp_path / "rows.jsonl", ["inputs"], ["inputs"]) == [{"inputs": '"[1]"'}]


def test_a_file_that_changed_is_read_again(tmp_path: Path):
    path = data_folder(tmp_path) / "humaneval" / "HumanEval.jsonl.gz"
    before = data_files.unpacked(path)
    path.write_bytes(gzip.compress(before + before))
    assert data_files.unpacked(path) == before + before


def test_a_cut_off_download_is_told(tmp_path: Path):
    path = data_folder(tmp_path) / "humaneval" / "HumanEval.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be unpacked"):
        load("humaneval", str(tmp_path))


MBPP = [
    {
        "task_id": 11,
        "text": "Add.",
        "code": "def add(a, b):\r\n  return a + b",
        "test_setup_code": "",
        "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"],
        "challenge_test_list": [],
    },
    {
        "task_id": 600,
        "text": "Round.",
        "code": "def r(x): return math.floor(x)",
        "test_setup_code": "import math",
        "test_list": ["assert r(1.5) == 1"],
        "challenge_test_list": [],
    },
]


def test_mbpp_splits_by_id_and_shows_its_asserts(tmp_path: Path, pool: Pool):
    path = tmp_path / "mbpp" / "mbpp.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(map(json.dumps, MBPP)))
    (add,) = load("mbpp", str(tmp_path)).problems
    (rounded,) = load("mbpp_dev", str(tmp_path)).problems
    assert (add.task_id, add.entry_point, rounded.entry_point) == ("Mbpp/11", "add", "r")
    assert "assert add(1, 2) == 3" in add.instruction
    assert "\r" not in add.canonical
    wrong = "def add(a, b): return a"
    verdicts = [
        j.base.passed
        for j in judge(
            [Candidate(add, add.canonical), Candidate(add, wrong), Candidate(rounded, rounded.canonical)],
            pool,
        )
    ]
    assert verdicts == [True, False, True]


def test_sanitized_mbpp_is_read_in_its_own_format(tmp_path: Path):
    row = {
        "task_id": 11,
        "prompt": "Add.",
        "code": "def add(a, b): return a + b",
        "test_imports": ["import math"],
        "test_list": ["assert add(1, 2) == 3"],
        "source_file": "x",
    }
    (tmp_path / "sanitized-mbpp.json").write_text(json.dumps([row, {**row, "task_id": 800}]))
    assert len(load("mbpp_sanitized", str(tmp_path)).problems) == 2
    (problem,) = load("mbpp_sanitized_test", str(tmp_path)).problems
    assert problem.tests.startswith("import math\n")


def test_mbpp_plus_gives_arguments_the_types_that_json_lost(tmp_path: Path, pool: Pool):
    row = {
        "task_id": "Mbpp/2",
        "entry_point": "first",
        "atol": 0,
        "base_input": [[[1, 2], [2]]],
        "plus_input": [[[], [3]]],
        "prompt": '"""\nSay the types.\nassert first((1, 2), (2,)) == 1\n"""\n',
        "canonical_solution": "def first(a, b):\n    assert type(a) is tuple\n    return len(a)\n",
    }
    write_gz(tmp_path / "mbppplus" / "MbppPlus.jsonl.gz", [row])
    (problem,) = load("mbpp_plus", str(tmp_path)).problems
    tests = (problem.tests, problem.plus_tests)
    assert not any(o.passed for o in pool.run(Program(problem.canonical, text) for text in tests))
    assert problem.instruction.startswith("Say the types.\n")
    judged = judge(
        [Candidate(problem, problem.canonical), Candidate(problem, "def first(a, b): return 2")], pool
    )
    assert [j.plus.passed for j in judged] == [True, False]


def test_every_problem_has_one_shape():
    numbers = [number for some in ARGUMENT_SHAPES.values() for number in some]
    assert len(numbers) == len(set(numbers))
    assert set(ARGUMENT_SHAPES) == set(SHAPES)


DS1000 = {
    "prompt": "Double x.\nA:\n<code>\nx = 2\n</code>\nresult = ... # put it here\nBEGIN SOLUTION\n<code>\n",
    "reference_code": "result = 2 * x",
    "metadata": {"problem_id": 0, "library": "Numpy", "perturbation_type": "Origin", "test_case_cnt": 1},
    "code_context": (
        "context = 'x = 2\\n[insert]\\n'\n"
        "def test_execution(solution: str):\n"
        "    scope = {}\n    exec(context.replace('[insert]', solution), scope)\n"
        "    assert scope['result'] == 4\n"
        "def test_string(solution: str):\n    assert 'for' not in solution\n"
    ),
}


def ds1000(folder: Path) -> str:
    write_gz(folder / "ds1000" / "ds1000.jsonl.gz", [DS1000])
    return str(folder)


def test_ds1000_runs_a_program_inside_its_context(tmp_path: Path, pool: Pool):
    (problem,) = load("ds1000", ds1000(tmp_path)).problems
    programs = {
        "reference": (problem.canonical, True),
        "wrong": ("result = x", False),
        "refused by test_string": ("result = 0\nfor _ in range(4): result += 1", False),
        "ends the tests": ("import sys; sys.exit(0)", False),
        "quits": ("import os; os._exit(0)", False),
    }
    judged = judge([Candidate(problem, program) for program, _ in programs.values()], pool)
    assert [j.base.passed for j in judged] == [right for _, right in programs.values()]


def test_ds1000_asks_for_a_completion_or_an_insertion_and_takes_bare_code(tmp_path: Path):
    (completion,) = load("ds1000-numpy", ds1000(tmp_path)).problems
    (insertion,) = load("ds1000_insertion", ds1000(tmp_path)).problems
    assert completion.prompt == DS1000["prompt"]
    assert insertion.prompt == ""
    assert "[insert]\n</code>" in insertion.instruction
    for reply in ("result = 2 * x\n</code>\nEND", "```python\nresult = 2 * x\n```", "result = 2 * x"):
        assert fence_first(reply, completion).program.strip() == "result = 2 * x"
    assert around("a [insert] b") == ("a ", " b")
    with pytest.raises(DataError, match="it has numpy"):
        load("ds1000-pandas", str(tmp_path))


def test_a_reference_that_cannot_run_ahead_runs_beside_the_program(tmp_path: Path, pool: Pool):
    rows = plus_rows()[:1]
    rows[0]["canonical_solution"] = "    print('noise')\n    return 2 * x if x != 0 else (i for i in ())\n"
    write_gz(tmp_path / "HumanEvalPlus.jsonl.gz", rows)
    (problem,) = load("humaneval_plus", str(tmp_path)).problems
    assert judge([Candidate(problem, problem.canonical)], pool)[0].base.passed
