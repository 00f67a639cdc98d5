"""Thoughts are taken out of replies, whatever marks they stand between, and programs keep their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import replies
from tunesmith.replies.standard import standard
from tunesmith.replies.thoughts import Parts, split
from tunesmith.requests import Completion

ANSWER = 'Use it so:\n\n```python\ndef last(text):\n    return text.split("</think>")[-1]\n```\nDone.'
DRAFT = "Let me see.\n```python\ndef draft(): ...\n```\nThe tag `</think>` ends it, or '</think>'."


@pytest.mark.parametrize(
    "reply",
    [
        "<think>{}</think>\n\n{}", "\n<think>\n{}\n</think>\n{}", "<thinking>\n{}\n</thinking>\n\n{}",
        "<reasoning>{}</reasoning>{}", "<THINK>{}</THINK>{}", "[THINK]{}[/THINK]{}",
        "<thought>{}</thought>\n{}",
        "{}\n</think>\n\n{}", "{}</think>\n{}", "◁think▷{}◁/think▷{}",
        "<think>{}</think>\n<answer>\n{}\n</answer>",
        "<think>a<think>b</think>{}</think>\n{}", "<seed:think>{}</seed:think>{}",
        "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>",
        "{}<|end|><|start|>assistant<|channel|>final<|message|>{}", "<|channel>thought\n{}<channel|>{}",
        "<|begin_of_thought|>{}<|end_of_thought|>\n<|begin_of_solution|>\n{}\n<|end_of_solution|>",
        "Here is my thought process: {}\n\nHere is my response:\n{}",
        "analysisWe need it. {}assistantfinal{}",
        "<think>\n```python\nnever closed {}\n</think>\n{}", "<think></think>\n<think>{}</think>\n{}",
    ],
)  # fmt: skip
def test_thoughts_are_taken_off_and_kept_apart(reply: str) -> None:
    parts = split(reply.replace("{}", DRAFT, 1).replace("{}", ANSWER, 1))
    assert parts.answer == ANSWER
    assert parts.closed and DRAFT in parts.thoughts
    assert split(parts.answer).answer == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        ANSWER, 'def f(text):\n    return text.partition("</think>")[2]\n', "x = '''\n</think>\n'''\n",
        "Remove everything between `<think>` and `</think>`.",
        "```xml\n<think>\na\n</think>\n```\nIs this right?",
        "Write cut(text): it removes what stands before the tag </think> in a string, and the tag itself.",
        "Parse this:\n\n```text\n<think>\nplan\n</think>\nanswer\n```", "analysis of variance", "<b>bold</b>",
        "Use re.sub(r'<think>.*?</think>\\n', '', text).", "~~~\n<|channel|>final<|message|>x\n~~~",
        "<thinkpad>a laptop</thinkpad>",
    ],
)  # fmt: skip
def test_marks_inside_code_and_quotes_are_text(text: str) -> None:
    assert split(text) == Parts("", text)


@pytest.mark.parametrize(
    "reply",
    ["<think>\nFirst, {}", "<think>\n```python\ndef f(): ...\n```\nwait", "[THINK] hm", "<reasoning>\nhm",
     "<|channel|>analysis<|message|>We need", "analysisWe need to write", "<|channel>thought\nhm",
     "<think>\n```python\nx = '</think>'"],
)  # fmt: skip
def test_thoughts_that_never_end_are_no_answer_and_count_as_cut_off(reply: str) -> None:
    made = standard(Completion(reply))
    assert (made.text, made.finish_reason) == ("", "length")
    assert replies.defect(made) == replies.CUT_OFF_REASONING and made.reasoning


@pytest.mark.parametrize(
    "said",
    ["length", "max_tokens", "MAX_TOKENS", "model_length", "Max Tokens", "abort", "FinishReason.MAX_TOKENS"],
)
def test_every_provider_word_for_a_cut_off_reply_is_understood(said: str) -> None:
    assert replies.defect(standard(Completion("half an ans", finish_reason=said))) == "cut off"


@pytest.mark.parametrize("said", ["stop", "STOP", "end_turn", "eos", "stop_sequence", "COMPLETE", ""])
def test_a_whole_reply_is_usable_whatever_the_provider_calls_it(said: str) -> None:
    assert replies.defect(standard(Completion("a whole answer", finish_reason=said))) == ""


@pytest.mark.parametrize(
    ("finish", "reasoning", "reason"),
    [("tool_use", "call", replies.TOOL_CALL), ("stop", "thoughts", replies.ONLY_REASONING),
     ("stop", "", "empty"),
     ("MAX_TOKENS", "thoughts", replies.CUT_OFF_REASONING), ("length", "", "cut off")],
)  # fmt: skip
def test_a_reply_without_text_says_what_to_change(finish: str, reasoning: str, reason: str) -> None:
    assert replies.defect(standard(Completion("", finish_reason=finish, reasoning=reasoning))) == reason


MARKS = st.sampled_from(
    ["<think>", "</think>", "```", "```python", "\n", "`", '"', "<|channel|>final<|message|>", "<|end|>",
     "[/THINK]",
     "analysisA", "assistantfinal", "<answer>", "text ", "Here is my thought process:", "\ufeff"]
)  # fmt: skip


@given(st.lists(MARKS | st.text(max_size=3)).map("".join))
def test_no_text_breaks_the_reader_and_what_is_standard_stays(text: str) -> None:
    once = standard(Completion(text))
    assert standard(once).text in once.text
