"""Turn raw code into one row of one of four tasks: generation, summarisation, translation, repair.

The generator of WaveCoder's generator-discriminator framework (arXiv 2312.14187, sec. 2): the model
gets a definition of the task, requirements and a raw snippet, and gives one record of task,
instruction, information and solution. The gates on that record follow the checks of the published
code: one record, at most one empty field, an instruction of one or two sentences, information of at
most two (code does not count), "none" read as no information. Information is folded into the
instruction, as Code Alpaca's input is. Whether four tasks are enough the paper leaves open; ``further``
takes more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from .. import replies
from ..code.markdown import blocks, code_of, defined, language_name, parse
from ..replies import structured
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, Yield

Task = Literal["generation", "summarisation", "translation", "repair"]

DEFINITIONS: dict[str, str] = {
    "generation": (
        "Code generation: write {language} code from a description in words. The instruction describes what "
        "the snippet achieves, in enough detail for a programmer who has not seen it. The solution is code."
    ),
    "summarisation": (
        "Code summarisation: explain in words what {language} code does. The information is the code. The "
        "solution is a short description of its purpose, inputs, result and errors. It does not explain the "
        "code line by line."
    ),
    "translation": (
        "Code translation: rewrite {language} code as {target} code with the same behaviour. The information "
        "is the {language} code. The solution is idiomatic {target} code."
    ),
    "repair": (
        "Code repair: correct {language} code that has a bug. Put one realistic bug into the snippet. The "
        "information is the code with the bug, and no comment in it points to the bug. The solution is the "
        "correct code."
    ),
}

SHARES: dict[str, float] = {
    "generation": 0.57,
    "summarisation": 0.16,
    "translation": 0.11,
    "repair": 0.16,
}
"""The mix of the paper's 19,915 rows."""
_OF_CODE = ("generation", "translation", "repair")
_ABOUT_CODE = ("summarisation", "translation", "repair")

PROMPT = """\
You write training data for a programming assistant. Write one record for this kind of task:

{definition}

Base the record on the snippet below. It is a JSON object with four string fields:
- "task": "{task}"
- "instruction": what is asked, in one or two sentences that name the programming language
- "information": the input that the instruction works on, or "none" if there is no input
- "solution": the complete answer to the instruction and the information

Requirements:
- The record must be self-contained. Its readers do not see the snippet.
- Put all code into Markdown code blocks, with the imports that it needs.
- Apart from code, the information has at most two sentences.
{code_only}{examples}
Snippet in {language}:
{snippet}
{about}
Reply with the JSON object only."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("task", "instruction", "information", "solution")},
    "required": ["task", "instruction", "information", "solution"],
    "additionalProperties": False,
}
_NOTHING = {
    "",
    "none",
    "n/a",
    "na",
    "null",
    "nil",
    "no information",
    "no input",
    "noinput",
    "empty",
    "not applicable",
}
_SPELLINGS = {"summarization": "summarisation"}


class FourTasks(Decoding, Step):
    """Ask for one four-task record per snippet of raw code (WaveCoder sec. 2)."""

    version: ClassVar[str] = "3"

    shares: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=lambda: dict(SHARES))
    """Target share of each task among the requests; the default is the paper's mix. Need not sum to 1."""
    further: dict[str, str] = Field(default_factory=dict)
    """Tasks beside the four, each by its name with the definition that the model reads, for `shares` to name;
    `{language}` in it stands for the snippet's language."""
    targets: list[str] = Field(
        default_factory=lambda: ["python", "javascript", "java", "go", "php", "cpp"], min_length=1
    )
    """Languages to translate into; one that is not the snippet's own is chosen by chance."""

    @model_validator(mode="after")
    def _known_tasks(self) -> Self:
        known = (*get_args(Task), *self.further)
        unknown = [name for name in self.shares if name not in known]
        if unknown:
            raise ValueError(f"shares: no task is called {unknown[0]!r}; known: {', '.join(known)}")
        if sum(self.shares.values()) <= 0:
            raise ValueError(f"one of {', '.join(known)} needs a share above 0")
        if set(self.further) & set(get_args(Task)):
            raise ValueError("further: the four tasks have their definitions")
        return self

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if not sample.code.strip():
            return []
        task, target = self._choice(sample, ctx)
        language = sample.language or "the language of the snippet"
        docstring, name = str(sample.meta.get("docstring") or ""), str(sample.meta.get("name") or "")
        prompt = PROMPT.format(
            definition=self._definition(task, language, target), task=task,
            code_only="- The solution contains code only.\n" if task in _OF_CODE else "",
            language=language, snippet=replies.fenced(sample.code, sample.language),
            examples=_shown(sample.meta.get("examples") or {}),
            about=f"\nThe author describes the snippet as follows:\n{docstring}\n" if docstring else "",
        )  # fmt: skip
        facts = {"code": sample.code, "language": sample.language, "docstring": docstring, "name": name}
        if task == "translation":
            facts["target"] = target
        return [
            Request.of(
                prompt, intent=f"four_tasks.{task}", facts=facts, schema=SCHEMA, sampling=self.sampling()
            )
        ]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not completions:
            yield Drop(sample, "no code")
            return
        task, target = self._choice(sample, ctx)
        for completion in completions:
            reply = replies.clean(completion.text)
            record, reason = structured.one_object(reply), replies.defect(completion)
            reason = reason or ("not one record" if record is None else fault(record, task))
            if reason or record is None:
                yield Drop(sample.noted(reply=reply, wanted=task), reason)
                continue
            language = target if task == "translation" else sample.language
            yield _row(sample, ctx.step, task, language, record)

    def _definition(self, task: str, language: str, target: str) -> str:
        told = {**DEFINITIONS, **self.further}[task]
        return told.replace("{language}", language).replace("{target}", target)

    def _choice(self, sample: Sample, ctx: Context) -> tuple[str, str]:
        """The task for a row, and the language to translate into."""
        chance = ctx.chance(sample)
        names = [name for name in (*get_args(Task), *self.further) if self.shares.get(name)]
        task = chance.choices(names, [self.shares[name] for name in names])[0]
        others = [name for name in self.targets if language_name(name) != sample.language]
        return task, chance.choice(others or self.targets)


CASE = """
{title}
Instruction:
{instruction}
Solution:
{answer}
{reason}
"""


def _shown(examples: Mapping[str, Any]) -> str:
    """Good and bad cases of earlier waves (``synthesis.examples``), the bad ones with the reason."""
    titles = {"good": "An accepted record:", "bad": "A rejected record, whose fault you must avoid:"}
    return "".join(
        CASE.format(
            title=title, instruction=case["instruction"], answer=case["answer"],
            reason=f"Reason for the rejection: {case['reason']}" if kind == "bad" else "",
        )
        for kind, title in titles.items()
        for case in examples.get(kind, ())
    )  # fmt: skip


def fault(record: Mapping[str, Any], task: str) -> str:
    """Why a record is no row of ``task`` (the gates above), or empty text."""
    texts = [record.get(key) for key in ("task", "instruction", "information", "solution")]
    if not all(isinstance(text, str) for text in texts):
        return "missing field"
    named, instruction, information, solution = (replies.clean(str(text)).strip() for text in texts)
    named = named.lower().removeprefix("code ").strip()
    nothing = is_nothing(information)
    gates = (
        ("wrong task", _SPELLINGS.get(named, named) != task),
        ("empty field", not instruction or not solution),
        ("instruction over two sentences", len(replies.sentences(instruction)) > 2),
        ("no information", nothing and task in _ABOUT_CODE),
        ("information over two sentences", not nothing and _prose_sentences(information) > 2),
    )
    return next((reason for reason, shut in gates if shut), "")


def is_nothing(information: str) -> bool:
    """Whether information says that there is none."""
    return information.strip().strip(".()[]<>\"'`").strip().lower() in _NOTHING


def _prose_sentences(information: str) -> int:
    """Sentences of prose; a text that is bare code has none."""
    if blocks(information):
        return len(replies.sentences(information))
    looks_like_code = parse(information) is not None or any(
        mark in information for mark in ("{", ";\n", "();")
    )
    return 0 if looks_like_code else len(replies.sentences(information))


def _row(sample: Sample, step: str, task: str, language: str, record: Mapping[str, str]) -> Sample | Drop:
    """The row a good record makes, or a drop where its code is not what it claims to be."""
    instruction, information, solution = (
        replies.clean(record[key]).strip() for key in ("instruction", "information", "solution")
    )
    given = "" if is_nothing(information) else information
    of_code = task in _OF_CODE or (task not in DEFINITIONS and bool(blocks(solution)))
    answer = replies.labelled(solution, language) if of_code else solution
    meta = {**{k: v for k, v in sample.meta.items() if k != "examples"}, "information": given}
    if task == "summarisation" and sample.tests:
        meta["reference_tests"] = sample.tests  # for synthesis.round_trip: they judge code, not a summary
    child = sample.grow(
        step, task=task, language=language, answer=answer,
        instruction=f"{instruction}\n\n{given}" if given else instruction,
        tests=sample.tests if task in ("generation", "repair") else "",
        meta=meta,
    )  # fmt: skip
    reason = _code_fault(answer, language) if of_code else ""
    if not reason and task == "repair" and code_of(answer).split() == code_of(given).split():
        reason = "nothing repaired"
    return Drop(child, reason) if reason else child


def _code_fault(answer: str, language: str) -> str:
    """Why an answer's code is not code of ``language``, or empty text."""
    found = blocks(answer)
    if any(not block.closed for block in found):
        return "cut off"
    tags = {block.language for block in found if block.language}
    if tags and language and language not in tags:
        return "wrong language"
    code = code_of(answer, language)
    if language == "python":
        return "" if parse(code) is not None else "solution does not parse"
    return "wrong language" if defined(code) else ""
