"""A model's own chat template: what is trained and asked is what the tokenizer itself writes."""

from __future__ import annotations

import pytest
from chat_styles import STYLES

from tunesmith.errors import UserError
from tunesmith.llm.template import TEMPLATES, Template, find
from tunesmith.requests import Message
from tunesmith.sample import Sample
from tunesmith.training.loop.encode import encode

CHAT = find("chat")
ANSWERS = ["def f(x):\n    return x", "  indented\n", "1", "<b>x</b>", "\n\nlate"]
OWN = sorted(STYLES.keys() - {"plain", "deepseek-r1"})


def turns(*texts):
    return [{"role": role, "content": text} for role, text in texts]


def own_ids(tokenizer, messages, **how):
    return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **how)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("system", ["", "Be brief."])
@pytest.mark.parametrize("style", OWN)
def test_a_trained_row_is_the_tokenizers_own_conversation(style, system, answer):
    tokenizer = STYLES[style].tokenizer()
    (taught,) = CHAT.taught([(system, "Add 1.", answer)], tokenizer)
    asked = turns(("user", "Add 1."))
    if system:
        takes = style != "gemma"
        asked = [*turns(("system", system)), *asked] if takes else turns(("user", "Be brief.\n\nAdd 1."))
    whole = tokenizer.apply_chat_template([*asked, *turns(("assistant", answer))], tokenize=False)
    assert tokenizer.decode([*taught.prompt, *taught.answer, *taught.end]) == whole
    assert taught.prompt == own_ids(tokenizer, asked, add_generation_prompt=True)


@pytest.mark.parametrize("style", OWN)
def test_a_trained_row_has_the_tokenizers_own_ids(style):
    tokenizer = STYLES[style].tokenizer()
    (taught,) = CHAT.taught([("", "Add 1.", "def f(x):\n    return x")], tokenizer)
    talk = turns(("user", "Add 1."), ("assistant", "def f(x):\n    return x"))
    assert [*taught.prompt, *taught.answer, *taught.end] == own_ids(tokenizer, talk)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_end_of_a_turn_stops_a_reply_and_is_taught(style):
    tokenizer = STYLES[style].tokenizer()
    stop = tokenizer.convert_tokens_to_ids(STYLES[style].stop)
    assert set(CHAT.stop_ids(tokenizer)) == {stop, tokenizer.eos_token_id}
    (taught,) = CHAT.taught([("", "Hi", "Hello")], tokenizer)
    assert taught.end.count(stop) == 1
    assert not set(taught.answer) & set(CHAT.stop_ids(tokenizer))


@pytest.mark.parametrize("style", sorted(STYLES))
def test_an_answer_that_is_cut_keeps_the_end_of_its_template(style):
    tokenizer = STYLES[style].tokenizer()
    row = Sample.born("seeds", instruction="Count.", answer="one two three " * 40)
    (whole,) = CHAT.taught([("", row.instruction, row.answer)], tokenizer)
    size = len(whole.prompt) + 20 + len(whole.end)
    rows = encode([row], tokenizer, CHAT, max_length=size, overlong="cut")
    assert rows.row(0).tolist() == [*whole.prompt, *whole.answer[:20], *whole.end]
    assert rows.cut == 1


@pytest.mark.parametrize("style", ["gemma", "plain"])
def test_a_system_text_that_a_template_has_no_place_for_goes_before_the_question(style):
    """One raises, the other leaves it out without a word."""
    tokenizer = STYLES[style].tokenizer()
    asked = CHAT.render("Be brief.", "Add 1.", tokenizer)
    assert asked == CHAT.render("", "Be brief.\n\nAdd 1.", tokenizer)
    talk = [Message("system", "Be brief."), Message("user", "One?"), Message("assistant", "1")]
    prompt = CHAT.prompt([*talk, Message("user", "Two?")], tokenizer)
    assert prompt.count("Be brief.\n\nOne?") == prompt.count("Be brief.") == 1


def test_a_conversation_that_a_template_refuses_is_an_error_with_a_fix():
    tokenizer = STYLES["gemma"].tokenizer()
    tokenizer.chat_template = "{{ raise_exception('turns must alternate') }}"
    with pytest.raises(UserError, match=r"(?s)turns must alternate.*template: alpaca"):
        CHAT.render("Be brief.", "Add 1.", tokenizer)


def test_a_template_whose_prompt_is_no_part_of_its_conversation_is_refused():
    tokenizer = STYLES["plain"].tokenizer()
    tokenizer.chat_template = (
        "{% if add_generation_prompt %}Ask: {% else %}Told: {% endif %}{{ messages[-1].content }}"
    )
    with pytest.raises(UserError, match="not how its own answers begin"):
        CHAT.taught([("", "Hi", "Hello")], tokenizer)


def test_a_thought_that_only_the_generation_prompt_opens_is_neither_taught_nor_asked_after_training():
    tokenizer = STYLES["deepseek-r1"].tokenizer()
    (taught,) = CHAT.taught([("", "Hi", "Hello")], tokenizer)
    talk = turns(("user", "Hi"), ("assistant", "Hello"))
    assert [*taught.prompt, *taught.answer, *taught.end] == own_ids(tokenizer, talk)
    assert tokenizer.decode(taught.prompt).endswith("<|Assistant|>")
    assert CHAT.render("", "Hi", tokenizer).endswith("<|Assistant|><think>\n"), (
        "before training, as its makers say"
    )
    tokenizer.chat_template = CHAT.jinja(tokenizer)
    assert own_ids(tokenizer, talk[:1], add_generation_prompt=True) == taught.prompt
    assert own_ids(tokenizer, talk) == [*taught.prompt, *taught.answer, *taught.end]


@pytest.mark.parametrize("style", sorted(STYLES.keys() - {"deepseek-r1"}))
def test_training_leaves_a_chat_template_as_it_came(style):
    tokenizer = STYLES[style].tokenizer()
    assert CHAT.jinja(tokenizer) == STYLES[style].jinja


DECLARED = Template(
    name="mine",
    turn="Q {instruction} 'A' {instruction}\\n",
    system="\u2603 {system} {{x}}",
    end="!",
    between=" ",
)


@pytest.mark.parametrize("style", ["plain", "mistral"])
@pytest.mark.parametrize(
    "template", [*(t for t in TEMPLATES.values() if not t.chat), DECLARED], ids=lambda template: template.name
)
def test_our_templates_are_written_into_the_tokenizer(template, style):
    """So that vLLM, or ``apply_chat_template``, asks a checkpoint in the words it was trained on."""
    tokenizer = STYLES[style].tokenizer()
    tokenizer.chat_template = template.jinja(tokenizer)
    for talk in (
        [("user", "One {x}?")],
        [("system", "Be 'brief'."), ("user", "One?")],
        [("system", ""), ("user", "One?"), ("assistant", "1"), ("user", "Two\n?")],
    ):
        written = tokenizer.apply_chat_template(turns(*talk), tokenize=False, add_generation_prompt=True)
        assert written == template.prompt([Message(*turn) for turn in talk])
    (taught,) = template.taught([("S", "One?", "1")], tokenizer)
    talk = turns(("system", "S"), ("user", "One?"), ("assistant", "1"))
    assert own_ids(tokenizer, talk) == [*taught.prompt, *taught.answer, *taught.end]
