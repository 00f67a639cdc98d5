"""Prompt templates: how a system text and an instruction become the text a model reads.

Training, generation and evaluation share one object, so that a model is never asked in other words
than it was trained on (one more blank line costs points, and nothing reports it). A checkpoint carries
its template in ``template.json``, and as a chat template in its tokenizer.

Training sees the very token ids that generation starts from: where a token would merge the end of the
prompt with the beginning of the answer, the two are tokenised apart.
Nothing here loads a model; ``tokenizer`` is any transformers tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ..code.markdown import program_block
from ..errors import DataError, SetupError, UserError, nearest
from ..requests import Message
from . import chat_template

FILE = "template.json"


class Taught(NamedTuple):
    """Token ids of one row as training sees them: joined, they are the conversation.

    prompt: not supervised.  answer: what the model is to write.  end: what closes it; a model that never
    learns it never stops.
    """

    prompt: list[int]
    answer: list[int]
    end: list[int]


class Template(BaseModel):
    """How a conversation is written. A recipe can declare its own with these keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """Its name in the protocol of a score."""
    turn: str = "{instruction}"
    """One question, up to where the answer begins; holds ``{instruction}``."""
    system: str = "{system}\n\n"
    """Written before the first turn if there is a system text; holds ``{system}``."""
    default_system: str = ""
    """The system text of rows and requests that have none."""
    end: str = ""
    """What closes an answer, before the tokenizer's own end-of-sequence token."""
    between: str = "\n\n"
    """Written between an answer and the next turn."""
    tokens: tuple[str, ...] = ()
    """Role tokens of the template; training adds those that the tokenizer lacks."""
    code_only: bool = False
    """Train on the program inside the answer's fence, not on fence and prose."""
    chat: bool = False
    """Use the tokenizer's own chat template; the other keys have no effect then."""

    @model_validator(mode="after")
    def _has_places(self) -> Template:
        if "{instruction}" not in self.turn:
            raise ValueError("turn must hold {instruction}")
        if "{system}" not in self.system:
            raise ValueError("system must hold {system}")
        return self

    def render(self, system: str, instruction: str, tokenizer: Any = None) -> str:
        """The prompt of a single instruction; ``tokenizer`` is needed by ``chat`` only."""
        turns = [Message("system", system)] if system else []
        return self.prompt([*turns, Message("user", instruction)], tokenizer)

    def prompt(self, messages: Sequence[Message], tokenizer: Any = None) -> str:
        """The prompt of a conversation that ends with a user's turn."""
        if self.chat:
            turns = [{"role": m.role, "content": m.content} for m in messages]
            return chat_template.render(tokenizer, turns, prompt=True)
        system = "\n\n".join(m.content for m in messages if m.role == "system") or self.default_system
        text = self.system.replace("{system}", system) if system else ""
        for message in messages:
            if message.role == "user":
                text += self.turn.replace("{instruction}", message.content)
            elif message.role == "assistant":
                text += self.completion(message.content) + self.between
        return text

    def completion(self, answer: str, tokenizer: Any = None) -> str:
        """What the model is to write: the answer (with ``code_only`` its program) and what closes it."""
        return "".join(self._parts(("", "hello", answer), tokenizer)[1:])

    def prompt_ids(self, prompts: Sequence[str], tokenizer: Any) -> list[list[int]]:
        """Token ids of rendered prompts, with the tokenizer's beginning-of-sequence token if it has one."""
        if not prompts:
            return []
        opened = [] if self.chat else _opening(tokenizer)
        return [opened + ids for ids in _ids(prompts, tokenizer)]

    def taught(self, rows: Sequence[tuple[str, str, str]], tokenizer: Any) -> list[Taught]:
        """Token ids of rows (system, instruction, answer), each closed as the template closes an answer.

        Raises:
            SetupError: nothing closes an answer and the tokenizer has no end-of-sequence token, so a model
                could never learn to stop.
        """
        if not rows:
            return []
        parts = [self._parts(row, tokenizer) for row in rows]
        prompts = self.prompt_ids([prompt for prompt, _, _ in parts], tokenizer)
        wholes = self.prompt_ids(["".join(part) for part in parts], tokenizer)
        answers = _ids([answer for _, answer, _ in parts], tokenizer)
        ends = _ids([end for _, _, end in parts], tokenizer)
        closing = self._closing(tokenizer)
        taught = []
        for prompt, whole, answer, end in zip(prompts, wholes, answers, ends, strict=True):
            last = len(whole) - len(end)
            if whole[: len(prompt)] == prompt and whole[last:] == end and len(prompt) <= last:
                answer = whole[len(prompt) : last]  # noqa: PLW2901  # as the whole conversation is tokenised
            taught.append(Taught(prompt, answer, end + closing))
        return taught

    def stop_ids(self, tokenizer: Any) -> list[int]:
        """Tokens that end a reply: end-of-sequence, and those that the template ends an answer with."""
        return sorted({*self._end_marks(tokenizer), tokenizer.eos_token_id} - {None})

    def jinja(self, tokenizer: Any) -> str:
        """This template as a chat template for ``tokenizer``, so that every other tool asks in its words.

        (``code_only`` cannot be said there: an answer is written as it is.)
        """
        if self.chat:
            return chat_template.closed_prompt(tokenizer)
        opening = tokenizer.bos_token if _opening(tokenizer) else ""
        literals = {
            "OPENING": ascii(opening), "DEFAULT": ascii(self.default_system), "END": ascii(self.end),
            "BETWEEN": ascii(self.between), "EOS": ascii(tokenizer.eos_token or ""),
            "SYSTEM": " + system + ".join(map(ascii, self.system.split("{system}"))),
            "TURN": " + message['content'] + ".join(map(ascii, self.turn.split("{instruction}"))),
        }  # fmt: skip
        text = _JINJA
        for name, literal in literals.items():
            text = text.replace(f"<<{name}>>", literal)
        return text

    def _parts(self, row: tuple[str, str, str], tokenizer: Any) -> tuple[str, str, str]:
        """The texts of a row (system, instruction, answer): prompt, answer, end."""
        system, instruction, answer = row
        if self.code_only:
            block = program_block(answer)
            answer = (block.dedented if block else answer).strip("\n")
        if self.chat:
            texts = (("system", system), ("user", instruction), ("assistant", answer))
            turns = [{"role": role, "content": text} for role, text in texts if text or role != "system"]
            return chat_template.parts(tokenizer, turns)
        return self.render(system, instruction, tokenizer), answer, self.end

    def _closing(self, tokenizer: Any) -> list[int]:
        """What training adds to the template's own end: end-of-sequence, if it is needed to stop."""
        if self.chat and self._end_marks(tokenizer):
            return []
        if tokenizer.eos_token_id is None:
            fix = "give the tokenizer an eos_token"
            raise SetupError(f"template {self.name}", "the tokenizer has no end-of-sequence token", fix)
        return [tokenizer.eos_token_id]

    def _end_marks(self, tokenizer: Any) -> set[int]:
        """The tokens of the template's end that cannot be part of an answer."""
        end = chat_template.end_of_turn(tokenizer) if self.chat else self.end
        if not end:
            return set()
        (ids,) = _ids([end], tokenizer)
        marks = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
        alone = len(ids) == 1 and not self.chat and end.strip()  # a line break is no mark
        return set(ids) if alone else marks.intersection(ids)

    def save(self, folder: Path) -> None:
        """Write the template into a checkpoint's folder."""
        (folder / FILE).write_bytes(orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2))


_JINJA = """
{{- <<OPENING>> -}}
{%- set all = namespace(system='') -%}
{%- for message in messages if message['role'] == 'system' -%}
{%- set all.system = all.system + ('\\n\\n' if all.system else '') + message['content'] -%}
{%- endfor -%}
{%- set system = all.system or <<DEFAULT>> -%}
{%- if system -%}{{- <<SYSTEM>> -}}{%- endif -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}{{- <<TURN>> -}}
{%- elif message['role'] == 'assistant' -%}
{{- message['content'] + <<END>> + (<<EOS>> if loop.last else <<BETWEEN>>) -}}
{%- endif -%}
{%- endfor -%}
"""
_PLAIN = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request."
)
TEMPLATES = {
    template.name: template
    for template in (
        Template(
            name="alpaca",
            default_system=_PLAIN,
            turn="### Instruction:\n{instruction}\n\n### Response:",
        ),
        Template(
            name="chatml",
            system="<|im_start|>system\n{system}<|im_end|>\n",
            turn="<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n",
            end="<|im_end|>",
            between="\n",
            tokens=("<|im_start|>", "<|im_end|>"),
        ),
        Template(
            name="roles",
            system="<|system|>{system}",
            turn="<|user|>{instruction}<|answer|>",
            between="",
            tokens=("<|system|>", "<|user|>", "<|answer|>"),
        ),
        Template(
            name="starter",
            system="<|system|>{system}",
            turn="<|user|>{instruction}<|answer|>",
            between="",
            tokens=("<|system|>", "<|user|>", "<|answer|>"),
            code_only=True,
        ),
        Template(name="chat", chat=True),
    )
}
"""The templates that a recipe can name. WizardCoder and WaveCoder trained under ``alpaca``."""


def find(wanted: str | Template) -> Template:
    """The template that a recipe names or declares.

    Raises:
        ValueError: no template has this name (what pydantic wants from a validator).
    """
    if isinstance(wanted, Template):
        return wanted
    if wanted not in TEMPLATES:
        raise ValueError(f"no template is called {wanted!r}; {nearest(wanted, TEMPLATES)}")
    return TEMPLATES[wanted]


def known(wanted: str | Template | None) -> str | Template | None:
    """``wanted`` unchanged, once ``find`` knows it: the validator of every ``template:`` key."""
    if wanted is not None:
        find(wanted)
    return wanted


def saved(folder: Path) -> Template | None:
    """The template in a checkpoint's folder, or None where it has none (not made by tunesmith).

    Raises:
        DataError: the file is there but does not hold a template.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        return Template.model_validate_json(file.read_bytes())
    except ValidationError as error:
        problem = f"does not hold a template: {error.errors()[0]['msg']}"
        raise DataError(str(file), problem, "restore the file, or train the model again") from error


def agreed(where: str, asked: str | Template | None, carried: Template | None) -> Template | None:
    """The one template of a model: what its checkpoint carries, or else what the recipe asks for.

    Raises:
        UserError: the recipe asks for another one than the model was trained under.
    """
    if asked is None:
        return carried
    wanted = find(asked)
    if carried is not None and carried != wanted:
        problem = f"template {wanted.name!r} is asked for, but the model was trained under {carried.name!r}"
        raise UserError(where, problem, "leave `template` out: the checkpoint brings its own")
    return wanted


def _opening(tokenizer: Any) -> list[int]:
    ids = tokenizer("")["input_ids"][:1]
    return list(ids) if ids and ids[0] == tokenizer.bos_token_id else []


def _ids(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    """Token ids of texts, nothing added."""
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return ids
