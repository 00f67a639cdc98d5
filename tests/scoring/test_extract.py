"""The right part of a reply is found, in time that grows with its length and no faster."""

import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.benchmarks.problem import Problem
from tunesmith.code.definitions import defines
from tunesmith.code.markdown import parse
from tunesmith.errors import UserError
from tunesmith.scoring.assemble import closed_for
from tunesmith.scoring.extract import EXTRACTIONS, extraction, fence_first
from tunesmith.scoring.rust_imports import without_repeated_imports

PROMPT = 'from typing import List\n\n\ndef double(x: int) -> int:\n    """Twice x."""\n'
PROBLEM = Problem("t/0", "Write double.", "", PROMPT, "double")
BODY = "    return 2 * x\n"
WHOLE = "def double(x: int) -> int:\n    return 2 * x\n"

REPLIES = {
    "a fence with the whole function": f"Sure:\n```python\n{WHOLE}```\nThat is it.",
    "a fence without a language": f"```\n{WHOLE}```",
    "an unclosed fence": f"Here:\n```python\n{WHOLE}",
    "another fence first": f"```bash\npip install x\n```\n```python\n{WHOLE}```",
    "a fence that uses it, then one that defines it": f"```python\ndouble(2)\n```\n```python\n{WHOLE}```",
    "the body in a fence": f"```python\n{BODY}```",
    "the body at the margin": "```python\nreturn 2 * x\n```",
    "bare code": WHOLE,
    "a bare continuation": BODY,
    "a continuation that runs on": BODY + "\n\nThis doubles x.\n",
    "prose around bare code": f"The function:\n\n{WHOLE}\nIt doubles x, see?\n",
    "the prompt and the body repeated": PROMPT + BODY,
    "windows line ends": f"```python\n{WHOLE}```".replace("\n", "\r\n"),
    "thoughts before the answer": f"<think>maybe ```python\nx\n``` no</think>\n```python\n{WHOLE}```",
    "a fence that the prompt had opened": f"{WHOLE}```\nDone.",
    "a future import": f"```python\nfrom __future__ import annotations\n{WHOLE}```",
    "a future import in parentheses":
        f"```python\nfrom __future__ import (\n    annotations,\n)  # new\n{WHOLE}```",
    "a body at the margin that returns inside an if":
        "```python\nif x:\n    return 2 * x\nelse:\n    return 0\n```",
    "a byte order mark in the fence": f"```python\n\ufeff{WHOLE}```",
    "fences in a docstring":
        f'```python\n{WHOLE}\ndef more():\n    """\n    ```python\n    1\n    ```\n    """\n```',
    "a fence in Markdown": f"```markdown\n# Twice\n```python\n{WHOLE}```\n```\nDone.",
    "a fence in a longer fence of Markdown": f"````md\n```python\n{WHOLE}```\nThat is it.\n````",
}  # fmt: skip
STUBS = {
    "the prompt": PROMPT,
    "a body of pass": f"{PROMPT}    pass\n",
    "a body of dots": f"{PROMPT}    ...\n",
    "a body that is not implemented": f"{PROMPT}    import math\n    raise NotImplementedError('later')\n",
    "a body of one comment": f"{WHOLE.partition('    ')[0]}    # Your code\n",
    "a header without its colon": "def double(x: int) -> int\n",
}
REPLIES |= {
    f"{name}, then the function": f"Given\n```python\n{stub}```\nwrite\n```\n{WHOLE}```\n"
    for name, stub in STUBS.items()
}
REPLIES |= {
    f"a fence indented by {indent!r}": "1. This:\n\n" + textwrap.indent(f"```python\n{WHOLE}```\n", indent)
    for indent in ("   ", "       ", "\t", "  \t")
}


@pytest.mark.parametrize("name", REPLIES)
def test_fence_first_finds_a_program_that_runs(name):
    found = fence_first(REPLIES[name], PROBLEM)
    scope: dict = {}
    exec(found.program, scope)
    assert scope["double"](21) == 42
    assert "List" in scope
    assert found.how


@pytest.mark.parametrize("name", STUBS)
def test_a_stub_alone_stays_as_it_is(name):
    assert fence_first(f"```python\n{STUBS[name]}```", PROBLEM).program.endswith(STUBS[name])


def test_a_header_in_braces_without_a_body_loses_to_the_function():
    problem = Problem("C/0", "", "", "int f(int x){\n", "f", "cpp")
    whole = "int f(int x){ return x; }\n"
    found = fence_first(f"```cpp\nint f(int x){{ /* yours */ }}\n```\n```cpp\n{whole}```", problem)
    assert found.program == whole


def test_a_call_that_a_comment_shows_does_not_cut_the_prompts_preamble():
    prompt = "#include <string>\n/*\nTwice.\n>>> twice(2)\n4\n*/\nlong twice(long x) {\n"
    problem = Problem("t/0", "", "", prompt, "twice", language="cpp")
    found = fence_first("```cpp\nlong twice(long x) {\n  return 2 * x;\n}\n```", problem)
    assert found.program.startswith(prompt[: prompt.index("long twice")])


def test_what_a_comment_says_is_not_taken_for_an_import():
    head = "import java.util.*;\n\nclass Solution {\n/**\nSums two\nfrom a list.\n# a note\n*/\n"
    problem = Problem("t/0", "", "", f"{head}public int sum(int a) {{\n", "sum", language="java")
    reply = "class Solution {\npublic int sum(int a) {\nreturn a;\n}\n}\n"
    found = fence_first(f"```java\n{reply}```", problem)
    assert found.program == f"import java.util.*;\n{reply}"


JAVASCRIPT = {
    "  let f = 1\n  return f\n": False,
    "  let f = String(n).split('').map(d => +d);\n": False,
    "  const f = (a + b).map((x) => x);\n": False,
    "  const f = xs.filter(function (x) { return x }).length\n": False,
    "  const f = (\n    a,\n    b = g(1)\n  ) => {\n": True,
    "  const f =\n    async n => n\n": True,
    "  const f: (n: number) => number = (n) => n\n": True,
    "  const f = (n: number): number[] => [n]\n": True,
    "  const f = n => n\n": True,
    "  let f = function (n) { return n }\n": True,
    "const f = memoized(g)\n": True,
    "export const f = memoized(g)\n": True,
    "  async function f(n) {}\n": True,
}


@pytest.mark.parametrize("code", JAVASCRIPT)
@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_a_local_variable_of_the_functions_name_does_not_define_it(code: str, language: str):
    assert defines(code, "f", language) is JAVASCRIPT[code]


RUST_HEAD = "use std::{slice::Iter, cmp::{max, self}, collections::{HashMap, HashSet}};\nuse rand::Rng;\n"
RUST_LEFT = {
    "fn f() {}\n": RUST_HEAD,
    RUST_HEAD: "",
    "use std::collections::HashMap;\nstruct Iter {}\nfn max() {}\n":
        "use std::cmp;\nuse std::collections::HashSet;\nuse rand::Rng;\n",
    "// use rand::Rng;\nuse other::Thing as Rng;\n": RUST_HEAD.partition("\n")[0] + "\n",
    "use std::collections::*;\n": RUST_HEAD,
}  # fmt: skip


@pytest.mark.parametrize("code", RUST_LEFT)
def test_a_name_that_a_rust_reply_brings_itself_is_not_imported_again(code: str):
    assert without_repeated_imports(RUST_HEAD, code) == RUST_LEFT[code]


def test_a_reply_without_code_is_said_to_have_none():
    found = fence_first("", PROBLEM)
    assert (found.program, found.how) == ("", "no code")


def test_how_the_program_was_found_is_told():
    how = fence_first(REPLIES["an unclosed fence"], PROBLEM).how
    assert how == "fence in the language, defines double, never closed, below the prompt's preamble"


@pytest.mark.parametrize("name", EXTRACTIONS)
@given(reply=st.text(alphabet="`~ \n\tdefx():=return#'\"\\<>/think", max_size=300))
def test_no_extraction_ever_fails(name, reply):
    found = EXTRACTIONS[name](reply, PROBLEM)
    assert isinstance(found.program, str)
    assert found.how


@pytest.mark.parametrize("name", EXTRACTIONS)
def test_extraction_is_linear_in_the_length_of_the_reply(name):
    line = "    x = [i for i in range(10) if i % 2]\n"

    def seconds(lines: int) -> float:
        reply = (
            "def double(x):\n" + line * lines + "    return (\n\nThat was it, (see above.\n" + "word " * lines
        )
        begun = time.process_time()
        EXTRACTIONS[name](reply, PROBLEM)
        return time.process_time() - begun

    few = max(min(seconds(400) for _ in range(3)), 1e-3)
    assert min(seconds(3200) for _ in range(3)) < 8 * few * 6  # cubic would be 512 times as long


def test_an_unknown_extraction_is_named_with_its_nearest():
    with pytest.raises(UserError, match="did you mean 'fence_first'"):
        extraction("fence_frst")


PUBLISHED = {
    ("human_eval", BODY): True,
    ("human_eval", REPLIES["a fence with the whole function"]): False,
    ("lm_eval", BODY + "\nprint(double(2))"): True,
    ("lm_eval", WHOLE): True,
    ("bigcode", BODY + "\n@cache\nbroken("): True,
    ("evalplus", f"Sure:\n```python\n{WHOLE}```\nThat is it."): True,
    (
        "evalplus",
        "def helper(x):\n    return 2 * x\n\ndef double(x):\n    return helper(x)\n\ndef unused(:",
    ): True,
    ("wizardcoder", f"```python\n{WHOLE}\n# Example usage\nbroken(\n```"): True,
    ("livecodebench", f"```python\n{WHOLE}```"): True,
    ("livecodebench", WHOLE): False,
    ("program", WHOLE): True,
}


@pytest.mark.parametrize(("name", "reply"), PUBLISHED)
def test_published_extractions_find_and_lose_what_they_do(name, reply):
    program = EXTRACTIONS[name](reply, PROBLEM).program
    scope: dict = {}
    works = False
    if program and parse(program):
        exec(program, scope)
        works = scope["double"](3) == 6 if "double" in scope else False
    assert works == PUBLISHED[name, reply]


EVALPLUS = {
    "the first of two definitions": (
        "def double(x):\n    return 2 * x\n\ndef double(x):\n    return x**2\n",
        "def double(x):\n    return 2 * x",
    ),
    "a helper with a bare return": (
        "def log(x):\n    return\n\ndef double(x):\n    log(x)\n    return 2 * x\n",
        "def log(x):\n    return\n\ndef double(x):\n    log(x)\n    return 2 * x",
    ),
    "no decorated definition": (
        "import a\n\n@a.cache\ndef half(x):\n    return x\n\ndef double(x):\n    return half(x)\n",
        "import a\n\ndef double(x):\n    return half(x)",
    ),
    "a helper called as a method": (
        "def double(x):\n    return x.twice()\n\ndef twice(x):\n    return x\n",
        "def double(x):\n    return x.twice()\n\ndef twice(x):\n    return x",
    ),
    "imports alone without the function": ("import math\n\ndef half(x):\n    return x\n", "import math"),
    "the longest part where nothing is left": ("def half(x):\n    return x\n", "def half(x):\n    return x"),
    "no import from the future": (
        "from __future__ import annotations\n\ndef double(x):\n    return x\n",
        "def double(x):\n    return x",
    ),
}


@pytest.mark.parametrize("name", EVALPLUS)
def test_evalplus_keeps_what_its_sanitizer_0_3_1_keeps(name: str):
    reply, program = EVALPLUS[name]
    assert EXTRACTIONS["evalplus"](reply, PROBLEM).program == program


def test_evalplus_drops_what_the_entry_point_does_not_reach():
    reply = f"def unused():\n    return 1\n\n{WHOLE}"
    assert "unused" not in EXTRACTIONS["evalplus"](reply, PROBLEM).program


HEADERS = {
    "javascript": ("const f = (x) => {", "function f(x) {", "async function f(x) {"),
    "typescript": ("function f(x: number): number {", "const f: F = (x) => {"),
    "java": ("    public static long f(long x) {", "    List<Integer> f(List<Integer> x) throws Exception {"),
    "cpp": ("int f(int x){", "vector<int> f(vector<int> x)\n{", "std::string& f() {"),
    "go": ("func f(x int) int {", "func (s S) f(x int) {", "func f[T any](x T) {"),
    "rust": ("fn f(x: i32) -> i32 {", "pub fn f<T>(x: T) {"),
    "python": ("def f(x):", "async def f(x):", "f = lambda x: x"),
}


@pytest.mark.parametrize(("language", "header"), [(lang, h) for lang, some in HEADERS.items() for h in some])
def test_a_header_defines_and_a_call_does_not(language, header):
    assert defines(f"// x\n{header}\n", "f", language)
    assert not defines("  return f(1);\n  y = f(2) + g(f(3));\n  if (f(1)) {\n", "f", language)


def test_a_reply_in_a_language_with_braces_keeps_its_imports_and_loses_its_main():
    prompt = "#include<vector>\nusing namespace std;\nint f(vector<int> x){\n"
    problem = Problem("C/0", "", "int main(){ return 0; }", prompt, "f", "cpp")
    reply = "```cpp\nint f(vector<int> x){ return x.size(); }\nint main(){ if (1) { f({}); } }\n```"
    assert fence_first(reply, problem).program == (
        "#include<vector>\nusing namespace std;\nint f(vector<int> x){ return x.size(); }\n\n"
    )


def test_a_helper_that_the_reply_repeats_is_not_put_before_it_again():
    prompt = "#include<cmath>\nint g(int x){\n  return x;\n}\nint f(int x){\n"
    problem = Problem("C/0", "", "", prompt, "f", "cpp")
    code = "int g(int x){\n  return x;\n}\nint f(int x){\n  return g(x);\n}\n"
    assert fence_first(f"```cpp\n{code}```", problem).program == "#include<cmath>\n" + code


def test_closing_braces_that_the_tests_bring_are_left_to_them():
    tests = "    }\n    public static void main(String[] args) {\n    }\n}\n"
    assert closed_for("class P {\n  void f() {\n    g('}');\n  }\n}\n", tests).rstrip() == (
        "class P {\n  void f() {\n    g('}');"
    )
    assert closed_for("class P {\n  void f() {\n    g();\n", tests) == "class P {\n  void f() {\n    g();\n"
