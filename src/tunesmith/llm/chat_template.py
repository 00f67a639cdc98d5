"""The chat template that a tokenizer brings: what it writes for a conversation, and how it ends a turn.

Chat templates are programs of the model's makers: some refuse a system turn, some drop it without a word,
some trim texts, some write an empty thought before an answer. So nothing is assumed of them; a conversation
is rendered with and without its answer, and the difference is what the answer's turn adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError

from ..errors import SetupError, UserError

Turn = dict[str, str]
"""``role`` (system, user, assistant) and ``content``."""

_MARK = "\u2403answer\u2403"
"""Stands for a text in trial renderings; no template writes it by itself."""
_WHERE, _FIX = "template chat", "name another one, such as `template: alpaca` or `template: chatml`"


def render(tokenizer: Any, messages: Sequence[Turn], *, prompt: bool) -> str:
    """``messages`` as the tokenizer writes them; with ``prompt`` up to where the next answer begins.

    A system text goes before the first question where the template has no place for it.

    Raises:
        SetupError: the tokenizer has no chat template.  UserError: it refuses the conversation.
    """
    if tokenizer is None or not getattr(tokenizer, "chat_template", None):
        raise SetupError(_WHERE, "this model's tokenizer has no chat template", _FIX)
    if any(m["role"] == "system" for m in messages) and not _takes_system(
        tokenizer, str(tokenizer.chat_template)
    ):
        messages = _merged(messages)
    try:
        return _apply(tokenizer, messages, prompt)
    except TemplateError as error:
        roles = ", ".join(m["role"] for m in messages)
        raise UserError(_WHERE, f"the chat template refuses turns of {roles}: {error}", _FIX) from error


def parts(tokenizer: Any, messages: Sequence[Turn]) -> tuple[str, str, str]:
    """(prompt, answer, end) of a conversation whose last turn is the answer; joined, they are all of it.

    answer: with whatever the template writes before it, such as a blank or an empty thought.

    Raises:
        UserError: the generation prompt and the conversation part before the answer begins.
    """
    asked, whole = render(tokenizer, messages[:-1], prompt=True), render(tokenizer, messages, prompt=False)
    marked = render(tokenizer, [*messages[:-1], _turn("assistant", _MARK)], prompt=False)
    before, _, end = marked.partition(_MARK)
    # A reasoning model's generation prompt opens a thought that its conversations do not have: then the
    # prompt ends where the two part. `closed_prompt` makes the saved tokenizer ask in the same way.
    begin = asked if before.startswith(asked) else before
    if not (asked.startswith(begin) and whole.startswith(begin)):
        problem = "the chat template's generation prompt is not how its own answers begin"
        raise UserError(_WHERE, problem, _FIX)
    end = end if whole.endswith(end) else ""
    return begin, whole[len(begin) : len(whole) - len(end)], end


def end_of_turn(tokenizer: Any) -> str:
    """What the chat template writes after an answer."""
    turns = [_turn("user", "hello"), _turn("assistant", _MARK)]
    return render(tokenizer, turns, prompt=False).partition(_MARK)[2]


def closed_prompt(tokenizer: Any) -> str:
    """The tokenizer's chat template, its generation prompt without a thought that its answers do not have."""
    template = str(tokenizer.chat_template)
    turns = [_turn("user", "hello"), _turn("assistant", _MARK)]
    asked, begin = render(tokenizer, turns[:1], prompt=True), parts(tokenizer, turns)[0]
    if asked == begin:
        return template
    # jinja drops one line break at a template's end, but would keep it inside the block
    inner, thought = template.removesuffix("\n"), len(asked) - len(begin)
    return (
        f"{{% set text %}}{inner}{{% endset %}}{{{{ text[:-{thought}] if add_generation_prompt else text }}}}"
    )


def _turn(role: str, content: str) -> Turn:
    return {"role": role, "content": content}


def _apply(tokenizer: Any, messages: Sequence[Turn], prompt: bool) -> str:
    return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=prompt))


@lru_cache(maxsize=8)
def _takes_system(tokenizer: Any, template: str) -> bool:
    """Whether ``template``, the tokenizer's, writes a system text down (some raise, some leave it out)."""
    try:
        return _MARK in _apply(tokenizer, [_turn("system", _MARK), _turn("user", "hello")], True)
    except TemplateError:
        return False


def _merged(messages: Sequence[Turn]) -> list[Turn]:
    """The same conversation with its system texts before the first question."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    turns = [m for m in messages if m["role"] != "system"]
    first = next((index for index, m in enumerate(turns) if m["role"] == "user"), None)
    if system and first is not None:
        turns[first] = _turn("user", f"{system}\n\n{turns[first]['content']}")
    return turns
