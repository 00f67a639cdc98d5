"""Whole functions given as ``solution`` get the verdict that they get as replies, also with braces."""

import gzip
import json
from pathlib import Path

import pytest

from tunesmith.benchmarks import load
from tunesmith.eval.samples import matched, read_samples, tries
from tunesmith.results import Attempt
from tunesmith.scoring.failure_classes import common_failure

RUST = "fn twice(n: isize) -> isize {\n"
CPP = "#include<assert.h>\nlong twice(long n) {\n"
JAVA = "import java.util.*;\nclass Problem {\n    public static long twice(long n) {\n"
PROBLEMS = {
    "rs": (RUST, "}\n\nfn main() {\n    assert_eq!(twice(2), 4);\n}\n", "    n * 2\n",
           RUST + "    n * 2\n}\n"),
    "cpp": (CPP, "}\nint main() {\n    assert(twice(2) == 4);\n}\n", "    return n * 2;\n",
            "long twice(long n) {\n    return n * 2;\n}\n"),
    "java": (JAVA, "    }\n    public static void main(String[] a) {\n    assert(twice(2) == 4);\n    }\n}\n",
             "        return n * 2;\n", JAVA + "        return n * 2;\n    }\n}\n"),
}  # fmt: skip


@pytest.mark.parametrize("lang", PROBLEMS)
def test_a_whole_function_as_solution_leaves_the_closing_braces_to_the_tests(lang: str, tmp_path: Path):
    prompt, tests, body, whole = PROBLEMS[lang]
    row = {"name": "Own_0_twice", "language": lang, "prompt": prompt, "tests": tests, "stop_tokens": ["\n}"]}
    data = tmp_path / "multipl-e" / f"deepseekfmt-humaneval-{lang}.jsonl.gz"
    data.parent.mkdir()
    data.write_bytes(gzip.compress(json.dumps(row).encode()))
    samples = tmp_path / "samples.jsonl"
    solutions = [whole, prompt + body]
    samples.write_text(
        "".join(json.dumps({"task_id": "Own_0_twice", "solution": one}) + "\n" for one in solutions)
    )
    given = read_samples(samples)
    made = tries(given, matched(given, load(f"multipl_e-{lang}", str(tmp_path)).problems))
    for one in made:
        program = one.program + tests
        assert program.count("{") == program.count("}")
        assert program.count("twice(") == 2
    assert "include" in made[0].program or lang != "cpp"


def attempts(*failures: str) -> list[Attempt]:
    return [Attempt(f"t/{n}", not failure, "", failure=failure) for n, failure in enumerate(failures)]


def test_a_set_that_nearly_always_fails_alike_is_noticed_and_wrong_answers_are_not():
    assert common_failure(attempts(*["compile"] * 19, "")) == "compile"
    assert common_failure(attempts(*["wrong answer"] * 20)) == ""
    assert common_failure(attempts(*["compile"] * 9)) == ""
    assert common_failure(attempts(*["compile"] * 10, *[""] * 10)) == ""
