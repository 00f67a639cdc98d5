"""Fenced blocks are found as Markdown has them."""

import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.code.find_program import code_of
from tunesmith.code.markdown import blocks

INNER = {
    "   ```": "",
    "    ```": "    ```\n",
    "```python": "```python\n",
    "~~~": "~~~\n",
    "``": "``\n",
    "````": "",
}


@pytest.mark.parametrize("line", INNER)
@pytest.mark.parametrize("indent", ["", "  ", "\t"])
def test_a_block_ends_at_a_bare_fence_that_is_not_indented_like_code(line: str, indent: str):
    shown = f"```\nx\n{line}\n```\n"
    block, *_ = blocks(textwrap.indent(shown, indent))
    assert (block.dedented, block.closed) == (f"x\n{INNER[line]}", True)


@given(st.text("x \t\n#", max_size=60), st.text(" \t", max_size=8))
def test_a_block_in_a_list_loses_the_indentation_of_its_fence(code: str, indent: str):
    text = "".join(f"{indent}{line}\n" for line in ("```python", *code.split("\n"), "```"))
    assert code_of(text) == f"{code}\n"
    (block,) = blocks(text)
    assert text[text.index("\n") + 1 :].startswith(block.code)


def test_a_line_with_less_indentation_than_its_fence_loses_what_it_has():
    assert code_of("\t```\n    a\n  b\nc\n\t\td\n\t```") == "a\nb\nc\n\td\n"


def test_blocks_are_found_in_time_linear_in_the_text():
    def seconds(size: int) -> float:
        text = " " * size + "```\n" + ("x\n" + " " * 9 + "```x\n") * size
        begun = time.process_time()
        assert len(blocks(text)[0].dedented) > size
        return time.process_time() - begun

    few = max(min(seconds(1000) for _ in range(3)), 1e-3)
    assert min(seconds(8000) for _ in range(3)) < 8 * few * 6
