"""Prompt templates: one text for training and for asking."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import DataError, SetupError, UserError
from tunesmith.llm.template import TEMPLATES, Template, agreed, find, saved
from tunesmith.models.scratch import END, Scratch
from tunesmith.requests import Message

OURS = [template for template in TEMPLATES.values() if not template.chat]
CHAT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.role == 'assistant' %}<|end|>\n{% endif %}"
)
CHAT += "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"


@pytest.fixture(scope="module")
def tokenizer():
    return Scratch(vocab_size=300).tokenizer()


def test_alpaca_is_written_as_the_papers_trained_it():
    assert find("alpaca").render("", "Sort a list.") == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the "
        "request.\n\n### Instruction:\nSort a list.\n\n### Response:"
    )


@pytest.mark.parametrize("template", OURS, ids=lambda template: template.name)
def test_a_conversation_ends_with_the_prompt_of_its_last_turn(template):
    talk = [Message("system", "Be brief."), Message("user", "One?"), Message("assistant", "1")]
    prompt = template.prompt([*talk, Message("user", "Two?")])
    assert prompt.endswith(template.turn.replace("{instruction}", "Two?"))
    assert prompt.startswith(template.render("Be brief.", "One?") + template.completion("1"))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`~"), min_size=1)


@given(instruction=TEXT, answer=TEXT)
def test_what_is_trained_continues_what_is_asked(tokenizer, instruction, answer):
    template = find("roles")
    asked = template.prompt_ids([template.render("", instruction)], tokenizer)[0]
    (taught,) = template.taught([("", instruction, answer)], tokenizer)
    assert (taught.prompt, taught.end) == (asked, [tokenizer.eos_token_id])
    said = tokenizer.decode(taught.answer)
    assert said == tokenizer.decode(tokenizer(answer)["input_ids"])
    assert tokenizer.decode([*asked, *taught.answer]) == tokenizer.decode(asked) + said


def test_braces_in_an_instruction_are_left_alone():
    assert "{system} {instruction} {x}" in find("alpaca").render("", "{system} {instruction} {x}")


def test_code_only_trains_the_program_that_evaluation_extracts():
    answer = "Here it is:\n```python\ndef f():\n    return 1\n```\nDone."
    assert find("starter").completion(answer) == "def f():\n    return 1"
    assert find("starter").completion("def f(): pass") == "def f(): pass"


def test_a_template_comes_back_from_its_checkpoint(tmp_path):
    mine = Template(name="mine", turn="Q {instruction} A", end="!", tokens=("<q>",))
    mine.save(tmp_path)
    assert saved(tmp_path) == mine
    assert saved(tmp_path / "elsewhere") is None


def test_a_checkpoint_cannot_be_asked_under_another_template(tmp_path):
    assert agreed("model x", "alpaca", find("alpaca")) == find("alpaca")
    with pytest.raises(UserError, match="trained under 'chatml'"):
        agreed("model x", "alpaca", find("chatml"))


def test_a_broken_template_file_is_named(tmp_path):
    (tmp_path / "template.json").write_text('{"name": "x", "trun": "{instruction}"}')
    with pytest.raises(DataError, match=r"template\.json"):
        saved(tmp_path)


def test_an_unknown_template_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'alpaca'"):
        Scratch(template="alpacca")


def test_a_template_without_a_place_for_the_instruction_is_refused():
    with pytest.raises(ValueError, match="turn must hold"):
        Template(name="x", turn="Instruction:")


def test_chat_uses_the_tokenizers_own_template(tokenizer):
    tokenizer.chat_template = CHAT
    chat = find("chat")
    assert chat.render("Be kind.", "Hi", tokenizer) == "<system>Be kind.<user>Hi<assistant>"
    assert chat.completion("Hello", tokenizer) == "Hello" + END + "\n", "what the template itself writes"
    (taught,) = chat.taught([("", "Hi", "Hello")], tokenizer)
    assert taught.end.count(tokenizer.eos_token_id) == 1
    assert chat.stop_ids(tokenizer) == [tokenizer.eos_token_id]


def test_chat_without_a_chat_template_says_what_to_do():
    tokenizer = Scratch(vocab_size=300).tokenizer()
    with pytest.raises(SetupError, match="template: alpaca"):
        find("chat").render("", "Hi", tokenizer)


def test_a_tokenizer_that_opens_sequences_opens_prompts_once(tokenizer, tmp_path: Path):
    from tokenizers.processors import TemplateProcessing

    tokenizer.bos_token = END
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{END} $A", special_tokens=[(END, tokenizer.eos_token_id)]
    )
    ids = find("alpaca").prompt_ids(["Hi"], tokenizer)[0]
    assert ids == tokenizer("Hi")["input_ids"]
    assert ids.count(tokenizer.bos_token_id) == 1
