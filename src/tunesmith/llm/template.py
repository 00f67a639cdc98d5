"""Prompt templates: how a system text and an instruction become the text a model reads.

Training, generation and evaluation share one object, so that a model is never asked in other words
than it was taught in (a blank line too many costs points, and no error tells). A checkpoint carries
its template in ``template.json``; whoever opens the checkpoint gets that one.

Prompt and completion are tokenised apart and their ids joined. So training sees the very ids that
generation starts from: no token merges across the border, and the mask of the prompt is exact.
Nothing here loads a model; ``tokenizer`` is any transformers tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ..code.markdown import code_of
from ..errors import DataError, SetupError, UserError, nearest
from ..requests import Message

FILE = "template.json"
_MARK = "\u2403answer\u2403"


class Template(BaseModel):
    """How a conversation is written down. Own ones are declared in a recipe with these keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """What scores name as part of their protocol."""
    turn: str = "{instruction}"
    """One question, up to where the answer begins; holds ``{instruction}``."""
    system: str = "{system}\n\n"
    """What stands before the first turn if there is a system text; holds ``{system}``."""
    default_system: str = ""
    """The system text of rows and requests that have none."""
    end: str = ""
    """What closes an answer, before the tokenizer's own end-of-sequence token."""
    between: str = "\n\n"
    """What stands between an answer and the next turn."""
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
            return str(_chat(tokenizer, messages, add_generation_prompt=True))
        system = "\n\n".join(m.content for m in messages if m.role == "system") or self.default_system
        text = self.system.replace("{system}", system) if system else ""
        for message in messages:
            if message.role == "user":
                text += self.turn.replace("{instruction}", message.content)
            elif message.role == "assistant":
                text += self.completion(message.content) + self.between
        return text

    def completion(self, answer: str, tokenizer: Any = None) -> str:
        """What the model is to write: the answer and what closes it."""
        if self.code_only:
            answer = code_of(answer).strip("\n")
        return answer + (_chat_end(tokenizer) if self.chat else self.end)

    def prompt_ids(self, prompts: Sequence[str], tokenizer: Any) -> list[list[int]]:
        """Token ids of rendered prompts, with the tokenizer's beginning-of-sequence token if it has one."""
        if not prompts:
            return []
        opened = [] if self.chat else _opening(tokenizer)
        return [opened + ids for ids in tokenizer(list(prompts), add_special_tokens=False)["input_ids"]]

    def completion_ids(self, completions: Sequence[str], tokenizer: Any) -> list[list[int]]:
        """Token ids of rendered completions, each closed by the end-of-sequence token.

        Raises:
            SetupError: the tokenizer has no such token, so a model could never learn to stop.
        """
        if tokenizer.eos_token_id is None:
            fix = "give the tokenizer an eos_token"
            raise SetupError(f"template {self.name}", "the tokenizer has no end-of-sequence token", fix)
        if not completions:
            return []
        rows: list[list[int]] = tokenizer(list(completions), add_special_tokens=False)["input_ids"]
        end = [tokenizer.eos_token_id]
        return [ids if self.chat and ids[-1:] == end else ids + end for ids in rows]

    def stop_ids(self, tokenizer: Any) -> list[int]:
        """Tokens that end a reply: end-of-sequence, and ``end`` where it is a single token."""
        end = _chat_end(tokenizer) if self.chat else self.end
        ids = tokenizer(end, add_special_tokens=False)["input_ids"] if end else []
        return sorted({tokenizer.eos_token_id, *(ids if len(ids) == 1 else ())} - {None})

    def save(self, folder: Path) -> None:
        """Keep the template beside a checkpoint."""
        (folder / FILE).write_bytes(orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2))


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


def find(given: str | Template) -> Template:
    """The template that a recipe names or declares.

    Raises:
        ValueError: no template has this name (what pydantic wants from a validator).
    """
    if isinstance(given, Template):
        return given
    if given not in TEMPLATES:
        raise ValueError(f"no template is called {given!r}; {nearest(given, TEMPLATES)}")
    return TEMPLATES[given]


def known(given: str | Template | None) -> str | Template | None:
    """``given`` as it came, once ``find`` knows it: the validator of every ``template:`` key."""
    if given is not None:
        find(given)
    return given


def saved(folder: Path) -> Template | None:
    """The template beside a checkpoint, or None where the folder has none (not ours).

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


def _chat(tokenizer: Any, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
    if tokenizer is None or not getattr(tokenizer, "chat_template", None):
        problem = "this model's tokenizer has no chat template"
        fix = f"name one of ours: {', '.join(sorted(TEMPLATES.keys() - {'chat'}))}"
        raise SetupError("template chat", problem, fix)
    turns = [{"role": m.role, "content": m.content} for m in messages]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=add_generation_prompt)
    return str(text)


def _chat_end(tokenizer: Any) -> str:
    """What the chat template writes after an answer, up to its end-of-sequence token."""
    turns = [Message("user", "hello"), Message("assistant", _MARK)]
    after = _chat(tokenizer, turns, add_generation_prompt=False).partition(_MARK)[2]
    eos = tokenizer.eos_token or ""
    return after[: after.index(eos) + len(eos)] if eos and eos in after else after
