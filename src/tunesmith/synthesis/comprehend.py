"""Code-comprehension tasks: rows about how data is made, from data that was made.

AlchemistCoder (arXiv 2405.19265) sec. 2.3 trains on three tasks beside code itself. *Instruction
evolution*: given a task and a way to make it harder, write the harder one; taken from our own
lineage. *Data filtering*: say what is wrong with rejected data, one of four choices; the label is the
reason for which our own steps dropped the row, and the options are shuffled. *Code review*: score an
answer, advise, refine it; a model writes it, and where execution has judged the answer, a score that
contradicts the verdict is refused. The first two need no model and ask none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from .. import replies
from ..code.markdown import code_of, parse
from ..replies import structured
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, StepName, Yield

Task = Literal["evolution", "filtering", "review"]

FAULTS: dict[str, tuple[str, ...]] = {
    "the response is too short or empty": ("too short", "empty", "cut off", "under "),
    "the code does not compile": ("does not parse", "wrong language", "SyntaxError"),
    "it is not clear what is asked or answered": (
        "template leakage", "refused", "missing field", "wrong task", "no information", "same as parent",
    ),
    "the response is badly organised": (
        "not one record", "over two sentences", "several code blocks", "no code block", "over ", "long",
    ),
}  # fmt: skip
"""The four choices, each with the beginnings or parts of the drop reasons that it stands for."""

EVOLUTION = """\
Rewrite the programming task below into a harder one. {method}

{instruction}"""
WAYS = {
    "constraints": "Add requirements that the solution must meet.",
    "replace": "Replace a common requirement with a rarer and more specific one.",
    "reason": "Make it need more reasoning steps.",
    "misdirect": "Include a program that looks right but is wrong.",
    "complexity": "Require less running time or memory.",
}
FILTERING = """\
The training example below was rejected. Choose the reason and reply with its line.

{options}

Instruction:
{instruction}

Response:
{answer}"""
REVIEW = """\
You are an experienced programmer. Review the answer to the programming task below for a colleague.

Task:
{instruction}

Answer:
{answer}
"""
REVIEW_FORM = """
Reply with a JSON object with these fields:
- "correctness": a whole number from 1 to 10; 6 or more only if you are sure that it solves the task.
- "clarity": a whole number from 1 to 10.
- "suggestions": what to change and why, in a few sentences.
- "refined": the whole program after your changes, in a Markdown code block."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "correctness": {"type": "integer"}, "clarity": {"type": "integer"},
        "suggestions": {"type": "string"}, "refined": {"type": "string"},
    },
    "required": ["correctness", "clarity", "suggestions", "refined"],
}  # fmt: skip
_GOOD = 6


class Comprehend(Decoding, Step):
    """Turn each row into one comprehension task that it is fit for (AlchemistCoder sec. 2.3)."""

    renamed: ClassVar[Mapping[str, str]] = {"judged_by": "truth", "tasks": "kinds"}
    version: ClassVar[str] = "2"

    kinds: tuple[Task, ...] = Field(default=("evolution", "filtering", "review"), min_length=1)
    """Tasks to make. Rejected rows (``from: STEP.dropped``) are fit for filtering, evolved rows for
    evolution, answered rows for review; one is drawn where several fit."""
    truth: StepName = ""
    """Name of the step whose verdicts check review scores; empty takes any that passed or failed."""

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if self._task(sample, ctx) != "review":
            return []
        prompt = REVIEW.format(instruction=sample.instruction, answer=sample.answer) + REVIEW_FORM
        facts = {"instruction": sample.instruction, "answer": sample.answer, "language": sample.language}
        return [Request.of(prompt, intent="review", facts=facts, schema=SCHEMA, sampling=self.sampling())]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        task = self._task(sample, ctx)
        if task == "evolution":
            yield _evolution(sample, ctx.step)
        elif task == "filtering":
            yield _filtering(sample, ctx)
        elif not completions:
            yield Drop(sample, "fit for no comprehension task")
        else:
            yield self._review(sample, completions[0], ctx.step)

    def _task(self, sample: Sample, ctx: Context) -> Task | None:
        rejected = "dropped" in sample.meta
        fit: dict[Task, bool] = {
            "evolution": not rejected and bool(sample.meta.get("evolved_from")),
            "filtering": rejected and fault_of(str(sample.meta["dropped"])) is not None,
            "review": not rejected and bool(sample.answer.strip()),
        }
        able: list[Task] = [task for task in self.kinds if fit[task]]
        return ctx.chance(sample).choice(able) if able else None

    def _review(self, sample: Sample, completion: Completion, step: str) -> Sample | Drop:
        reply = replies.clean(completion.text)
        record = structured.one_object(reply)
        reason = replies.defect(completion)
        if not reason:
            reason = "not one record" if record is None else _review_fault(record, sample.language)
        if reason or record is None:
            return Drop(sample.noted(reply=reply), reason)
        executed = self._executed(sample)
        said = int(record["correctness"]) >= _GOOD
        text = (
            f"Correctness: {record['correctness']}/10\nClarity: {record['clarity']}/10\n"
            f"Suggestions: {replies.clean(record['suggestions']).strip()}\n\nRefined code:\n"
            f"{replies.labelled(replies.clean(record['refined']).strip(), sample.language)}"
        )
        asked = REVIEW.format(instruction=sample.instruction, answer=sample.answer)
        row = sample.grow(
            step, task="review", instruction=asked, answer=text, tests="",
            meta={**sample.meta, "review_checked": executed is not None},
        )  # fmt: skip
        return Drop(row, "score contradicts execution") if executed not in (None, said) else row

    def _executed(self, sample: Sample) -> bool | None:
        """What execution found: the last verdict that is not unknown, of ``truth`` if it is given."""
        found = [
            verdict.passed
            for verdict in sample.verdicts
            if verdict.passed is not None and (not self.truth or verdict.by == self.truth)
        ]
        return found[-1] if found else None


def fault_of(reason: str) -> str | None:
    """Which of the four choices a drop reason stands for, or None."""
    hits = [choice for choice, parts in FAULTS.items() if any(part in reason for part in parts)]
    return hits[0] if hits else None


def _evolution(sample: Sample, step: str) -> Sample:
    way = WAYS.get(str(sample.meta.get("heuristic", "")), "")
    asked = EVOLUTION.format(method=way, instruction=sample.meta["evolved_from"]).replace(" \n", "\n")
    return sample.grow(step, task="evolution", instruction=asked, answer=sample.instruction, tests="")


def _filtering(sample: Sample, ctx: Context) -> Sample:
    right = fault_of(str(sample.meta["dropped"]))
    options = list(FAULTS)
    ctx.chance(sample, draw=1).shuffle(options)
    letters = "ABCD"
    shown = "\n".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    response = sample.answer or sample.meta.get("reply") or "(none)"
    asked = FILTERING.format(options=shown, instruction=sample.instruction or "(none)", answer=response)
    letter = letters[options.index(right or options[0])]
    return sample.grow(
        ctx.step, task="filtering", instruction=asked, answer=f"{letter}. {right}", tests="",
        meta={**sample.meta, "choice": letter},
    )  # fmt: skip


def _review_fault(record: Mapping[str, Any], language: str) -> str:
    departs = structured.departs(record, SCHEMA)
    if departs:
        return "missing field"
    if not all(1 <= record[key] <= 10 for key in ("correctness", "clarity")):
        return "score out of range"
    code = code_of(record["refined"], language)
    if not code.strip():
        return "empty field"
    return "refined code does not parse" if language in ("", "python") and parse(code) is None else ""
