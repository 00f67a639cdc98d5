"""The same question in another form, to find out whether a judge goes by the form.

Verdicts of language models change with the order in which things are shown (Wang et al. 2023, 2305.17926) and
with how they are wrapped. No form here adds or takes away anything that bears on the verdict.

| form             | what differs                                                        |
|------------------|---------------------------------------------------------------------|
| ``plain``        | nothing                                                             |
| ``answer_first`` | the answer stands above the task                                    |
| ``turned``       | what there is to choose from or to check, in reverse order          |
| ``rewrapped``    | the answer's code stands in fences of the other kind, or in one     |
"""

from __future__ import annotations

from typing import Literal

from ..code import blocks
from . import replies

Form = Literal["plain", "answer_first", "turned", "rewrapped"]
_SHORTEST = 3


def task_and_answer(instruction: str, answer: str, form: Form, *, task: str) -> str:
    """The part of a question that shows what is judged; ``task``: how the instruction is headed."""
    shown = rewrapped(answer) if form == "rewrapped" else answer
    parts = [f"{task}:\n{instruction}", f"Answer:\n{shown}"]
    return "\n\n".join(parts[::-1] if form == "answer_first" else parts)


def rewrapped(text: str) -> str:
    """``text`` with tildes for backticks around its code, and the other way round; in a fence if it has none.

    What is inside and between the blocks stays as it is, and so does a block that never ends.
    """
    found = blocks(text)
    if not found:
        return replies.fenced(text)
    kept, position = [], 0
    for block in found:
        body = text.find("\n", block.start) + 1
        if not block.closed:
            break
        end = text.find("\n", body + len(block.code))
        end = len(text) if end < 0 else end
        opened = text[block.start : body].strip()
        sign = "~" if opened[0] == "`" else "`"
        mark = sign * (max([_SHORTEST - 1, *map(len, _runs(block.code, sign))]) + 1)
        kept.append(f"{text[position : block.start]}{mark}{opened.lstrip('`~')}\n{block.code}{mark}")
        position = end
    return "".join([*kept, text[position:]])


def _runs(text: str, sign: str) -> list[str]:
    """The runs of ``sign`` that begin a line of ``text``."""
    begun = (line.lstrip() for line in text.splitlines())
    return [line[: len(line) - len(line.lstrip(sign))] for line in begun]
