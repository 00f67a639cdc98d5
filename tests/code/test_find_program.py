"""The program of a reply is found as its writer meant it, by one mechanism for evaluation and for steps."""

import time

import pytest

from tunesmith.code.find_program import code_of, find_program
from tunesmith.code.markdown import blocks, parse
from tunesmith.code.notebook import plain

FENCE = "```"
TEMPLATE = f'TEMPLATE = """\\\n{FENCE}python\n{{code}}\n{FENCE}"""\n\n\ndef f(x):\n    return TEMPLATE\n'
DOCSTRING = f'def f(x):\n  """Wraps.\n\n  {FENCE}python\n  1\n  {FENCE}\n  """\n  return x\n'
BARE_INSIDE = f'def f(x):\n    return """\n{FENCE}\nx\n{FENCE}\n"""\n'


def fenced(code: str, tag: str = "python") -> str:
    return f"{FENCE}{tag}\n{code}{FENCE}\n"


def ran(code: str) -> dict:
    scope: dict = {}
    exec(code, scope)
    return scope


@pytest.mark.parametrize("code", [TEMPLATE, DOCSTRING, BARE_INSIDE])
def test_a_fence_inside_a_text_of_the_program_does_not_end_its_block(code: str):
    reply = "Here:\n\n" + fenced(code) + "\nAnd then:\n\n" + fenced("print(1)\n")
    assert [block.code for block in blocks(reply)] == [code, "print(1)\n"]


def test_a_fence_inside_a_comment_of_another_language_does_not_end_its_block():
    code = f"/*\n{FENCE}\nf(1)\n{FENCE}\n*/\nfunction f(x) {{ return x }}\n"
    assert [block.code for block in blocks(fenced(code, "js") + fenced("f(2)\n", "js"))] == [code, "f(2)\n"]


def test_a_broken_block_does_not_swallow_the_next_one():
    broken = 'def f(x):\n    """never closed\n    return x\n'
    assert [block.code for block in blocks(fenced(broken) + "\nOr:\n" + fenced("y = 1\n"))] == [
        broken,
        "y = 1\n",
    ]


HELPER = "from collections import Counter\n\ndef counted(xs):\n    return Counter(xs).most_common()\n"
MODE = "def mode(xs):\n    return counted(xs)[0][0]\n"
SPREAD = {
    "helper before": fenced(HELPER) + "\nThen:\n" + fenced(MODE),
    "helper after": fenced(MODE) + "\nwith\n" + fenced(HELPER),
    "imports, helper and function apart": fenced(HELPER.partition("\n\n")[0] + "\n")
    + fenced(HELPER.partition("\n\n")[2])
    + fenced(MODE),
    "an example before": fenced("print(mode([1]))\n") + fenced(HELPER) + fenced(MODE),
    "a command before": fenced("pip install x\n", "bash") + fenced(HELPER) + fenced(MODE),
    "a stub of the helper before": fenced("def counted(xs):\n    ...\n") + fenced(HELPER) + fenced(MODE),
    "a constant of another block": fenced("PLACE = 0\n")
    + fenced(HELPER + MODE.replace("[0][0]", "[PLACE][0]")),
}


@pytest.mark.parametrize("name", SPREAD)
def test_names_that_a_block_lacks_come_from_the_other_blocks(name: str):
    assert ran(find_program(SPREAD[name], "python", ["mode"]).code)["mode"]([1, 2, 2]) == 2


@pytest.mark.parametrize("name", SPREAD)
def test_steps_find_the_same_program_by_the_names_that_tests_call(name: str):
    assert ran(code_of(SPREAD[name], "python", "assert mode([1, 2, 2]) == 2"))["mode"]([1, 2, 2]) == 2


def test_without_tests_a_block_that_builds_on_the_first_is_joined_to_it_and_an_example_is_not():
    reply = fenced(HELPER) + fenced(MODE) + fenced("print(mode([1]))\n")
    assert "mode" in ran(code_of(reply, "python"))
    assert "print" not in code_of(reply, "python")


def test_a_second_version_of_a_function_is_not_joined_to_the_first():
    reply = fenced("def f(x):\n    return x\n") + "Better:\n" + fenced("def f(x):\n    return +x\n")
    assert code_of(reply, "python") == "def f(x):\n    return x\n"


def test_a_helper_in_an_earlier_block_of_another_language_comes_along():
    reply = fenced("#include <vector>\nint twice(int x) { return 2 * x; }\n", "cpp") + fenced(
        "int f(int x) { return twice(x); }\n", "cpp"
    )
    code = find_program(reply, "cpp", ["f"]).code
    assert code.index("#include") < code.index("int twice") < code.index("int f(")


NOTEBOOKS = {
    "commands": "!pip install x\n%matplotlib inline\n%%time\ndef f(x):\n    return x\n",
    "a command in a block": "def f(x):\n    %time\n    return x\n",
    "an assigned command": "files = !ls\ndef f(x):\n    return x\n",
    "help": "f?\ndef f(x):\n    return x\n",
    "pip without a mark": "pip install x\n\ndef f(x):\n    return x\n",
    "a transcript": ">>> def f(x):\n...     return x\n...\n>>> f(1)\n1\n",
    "a transcript of IPython": "In [1]: def f(x):\n   ...:     return x\n\nIn [2]: f(1)\nOut[2]: 1\n",
    "a transcript with a traceback": ">>> def f(x):\n...     return x\n>>> y = f()\n"
    "Traceback (most recent call last):\n  File\nTypeError: f()\n",
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_commands_and_prompts_are_left_out(name: str):
    assert ran(code_of(fenced(NOTEBOOKS[name]), "python"))["f"](3) == 3


@pytest.mark.parametrize("code", ["x = (7\n  %b)\n", 'x = """\n%s\n!pip\n"""\n', "x = '''\n>>> f(1)\n'''\n"])
def test_what_only_looks_like_a_command_stays(code: str):
    assert plain(code) == code


PROMPT = "def f(xs):\n"
STRIPPED = {
    "a loop": "out = []\n    for x in xs:\n        out.append(x)\n    return out",
    "a block first": "for x in xs:\n        pass\n    return list(xs)",
    "prose after": "ys = list(xs)\n    return ys\n\nThis copies the list.",
    "in a fence": fenced("ys = list(xs)\n    return ys\n"),
}


@pytest.mark.parametrize("name", STRIPPED)
def test_a_body_whose_first_line_lost_its_indentation_gets_it_back(name: str):
    body = find_program(STRIPPED[name], "python", ["f"], PROMPT).code
    assert ran(PROMPT + body)["f"]([1, 2]) == [1, 2]


RECORDS = {
    "JSON": '{"name": "submit", "arguments": {"code": "def f(x):\\n    return x\\n"}}',
    "JSON in a fence": fenced('{"code": "def f(x):\\n    return x\\n"}\n', "json"),
    "a diff": fenced("--- a\n+++ b\n@@ -1,2 +1,2 @@\n def f(x):\n-    pass\n+    return x\n", "diff"),
    "a diff without a fence": "--- f.py\n+++ f.py\n@@ -1 +1 @@\n def f(x):\n-    pass\n+    return x\n",
    "an indented function": fenced("    def f(x):\n        return x\n"),
    "prose between unfenced code": "import re\nOops:\nfrom math import ceil\ndef f(x):\n    return ceil(x)\n",
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_program_is_found_in_records_diffs_and_between_prose(name: str):
    assert ran(find_program(RECORDS[name], "python", ["f"]).code)["f"](3) == 3


def test_text_without_code_comes_back_unchanged():
    for text in ("Only prose.", "It is (unclosed", '{"a": 1}', "", "plain\r\n"):
        assert code_of(text, "python") == text


@pytest.mark.parametrize(
    "unit", ["```\n", "```python\n'''\n```\n", "%x\n", ">>> x\n", "import a\noops (\n", "`"]
)
def test_the_work_grows_no_faster_than_the_reply(unit: str):
    def seconds(times: int) -> float:
        begun = time.process_time()
        find_program(unit * times, "python", ["f"], PROMPT)
        return time.process_time() - begun

    few = max(min(seconds(100) for _ in range(3)), 1e-3)
    assert min(seconds(800) for _ in range(2)) < 8 * few * 6  # quadratic would be 64 times as long


def test_a_found_program_of_one_block_is_that_block():
    assert parse(code_of(fenced("x = 1\n"), "python"))
    assert code_of(fenced("x = 1\n"), "python") == "x = 1\n"
