"""What ``tunesmith preview`` prints: prompts as sent to the model; with ``--ask`` replies and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ..requests import Completion, Request
from ..runs.preview import RowPreview, StepPreview
from ..sample import Drop, Sample
from .terminal import OUT, as_json, safe


def previews(steps: Sequence[StepPreview], json: bool) -> None:
    """Every step with its rows; the reply and what the step made of it where the model was asked."""
    if json:
        as_json([asdict(step) for step in steps])
        return
    for step in steps:
        OUT.rule(f"[bold]{safe(step.step)}[/] {safe(step.do)} · asks {safe(step.model)}", align="left")
        if step.unanswered:
            OUT.print("[dim]The steps above have not answered yet: the rows are shown as they are now.[/]")
        if not step.rows:
            OUT.print("no row asks anything here")
        for row in step.rows:
            _row(row)
        if any(row.answers for row in step.rows):
            OUT.print(f"cost: {'unknown' if step.usd is None else f'${step.usd:.4f}'}")


def _row(preview: RowPreview) -> None:
    for number, request in enumerate(preview.requests):
        _request(request)
        if preview.answers:
            answer = preview.answers[number]
            if isinstance(answer, Completion):
                OUT.print(
                    f"[bold]reply[/] [dim]{answer.usage.output:,} tokens, {safe(answer.finish_reason)}[/]"
                )
                OUT.print(safe(answer.text))
            else:
                OUT.print(f"[bold red]failed[/]: {safe(answer.kind)}: {safe(answer.message)}")
    for made in preview.made:
        _made(made)


def _request(request: Request) -> None:
    sampling = {key: value for key, value in asdict(request.sampling).items() if value not in (None, (), [])}
    how = ", ".join(f"{key} {value}" for key, value in sampling.items())
    OUT.print(f"[dim]{safe(how)}{' · a JSON schema is sent along' if request.schema else ''}[/]")
    for message in request.messages:
        OUT.print(f"[bold]{safe(message.role)}[/]\n{safe(message.content)}")


def _made(made: Sample | Drop) -> None:
    if isinstance(made, Drop):
        OUT.print(f"[red]dropped[/]: {safe(made.reason)}")
        return
    OUT.print("[green]kept[/]")
    for name in ("instruction", "answer", "tests"):
        if text := getattr(made, name):
            OUT.print(f"[bold]{name}[/]\n{safe(text)}")
