"""Answers to starter tasks: one Python function ``solve``, in one of three styles."""

from __future__ import annotations

from .task import Task

STYLES = ("loop", "comprehension", "functional")
"""``loop`` accumulates (a fold where the finish allows one), the other two compose expressions."""


def solution(task: Task, style: str) -> str:
    """The source of a right answer to ``task`` in ``style``, ending in a newline."""
    family = task.family
    source = family.source.format(task.take.code if task.take else "")
    body = {"loop": _loop, "comprehension": _comprehension, "functional": _functional}[style](task, source)
    return f"def solve({family.argument}):\n" + "".join(f"    {line}\n" for line in body)


def _loop(task: Task, source: str) -> list[str]:
    variable, finish = task.family.variable, task.finish
    step = finish.step.format(task.change.code if task.change else variable)
    inner = [f"if {task.keep.code}:", f"    {step}"] if task.keep else [step]
    end = finish.end if finish.folds else finish.code.replace("list({})", "{}").format("result")
    return [
        f"result = {finish.start}",
        f"for {variable} in {source}:",
        *(f"    {line}" for line in inner),
        f"return {end}",
    ]


def _comprehension(task: Task, source: str) -> list[str]:
    if not task.keep and not task.change:
        return _functional(task, source)
    variable, call = task.family.variable, task.finish.code
    each = f"{task.change.code if task.change else variable} for {variable} in {source}"
    each += f" if {task.keep.code}" if task.keep else ""
    if "list({})" in call:
        return [f"return {call.replace('list({})', f'[{each}]')}"]
    return [f"return {call.format(each if '({})' in call else f'[{each}]')}"]


def _functional(task: Task, source: str) -> list[str]:
    variable, lines = task.family.variable, []
    if task.keep:
        lines.append(f"kept = filter(lambda {variable}: {task.keep.code}, {source})")
        source = "kept"
    if task.change:
        lines.append(f"changed = map(lambda {variable}: {task.change.code}, {source})")
        source = "changed"
    return [*lines, f"return {task.finish.code.format(source)}"]
