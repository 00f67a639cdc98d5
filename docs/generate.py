"""Write docs/steps.md from the steps and models themselves: their docstrings, fields and defaults.

Run from the repository root: python docs/generate.py  (a test says when the file is out of date)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tunesmith.recipe.address import (
    ROOMS,
    find_model,
    find_step,
    keys_of,
    model_names,
    nested,
    step_addresses,
)

TARGET = Path(__file__).parent / "steps.md"


def page() -> str:
    """The whole page as Markdown."""
    parts = [
        "# Steps and models",
        "Every step that comes with tunesmith, by its address, and every model backend. "
        "Written from the code by `docs/generate.py`.",
        "Each step also takes `from:` (which rows it reads) and, where it uses a model, `with:`.",
        "A step that asks a model about each row takes `stop_if_dropped:` (default 0.98): the run stops when "
        "more than this share of its first 50 or more rows gave nothing. 1 never stops it.",
    ]
    for room in ROOMS:
        parts.append(f"## {room}")
        for address in step_addresses():
            if address.startswith(f"{room}."):
                kind = find_step(address)
                uses = {"required": ", needs `with:`", "optional": ", may have `with:`", "none": ""}[
                    kind.needs_model
                ]
                parts += [f"### `{address}`", f"*{kind.kind} step{uses}*", *_about(kind)]
    parts.append("## Model backends")
    for name in model_names():
        parts += [f"### `use: {name}`", *_about(find_model(name))]
    return "\n\n".join(parts) + "\n"


def _about(kind: type[BaseModel]) -> list[str]:
    module = inspect.getmodule(kind)
    story = inspect.getdoc(module) or ""
    return [story, *_table(kind), *_nested_tables(kind)]


def _table(kind: type[BaseModel]) -> list[str]:
    """The keys of a step, model or nested mapping as one Markdown table; nothing where there are none."""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    schema = kind.model_json_schema()["properties"]
    for name, field in keys_of(kind).items():
        default = "required" if field.is_required() else f"`{_shown(_default(field))}`"
        about = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {_type(schema[name])} | {default} | {about} |")
    return ["\n".join(rows)] if len(rows) > 2 else []


def _nested_tables(kind: type[BaseModel]) -> Iterator[str]:
    """A table for each key that is itself a mapping of known keys, such as ``lora`` or ``weights``."""
    for name, field in keys_of(kind).items():
        inner, default = nested(field.annotation), None if field.is_required() else _default(field)
        if inner is not None:
            yield f"Keys of `{name}`: {' '.join((inspect.getdoc(inner) or '').split())}"
            yield from _table(inner)
        elif isinstance(default, dict) and default:
            yield f"Keys of `{name}`; each can be overridden alone (`steps.NAME.{name}.KEY=VALUE`):"
            rows = [f"| `{key}` | `{_shown(value)}` |" for key, value in default.items()]
            yield "\n".join(["| key | default |", "|---|---|", *rows])


def _default(field: Any) -> Any:
    if field.default is not PydanticUndefined:
        return field.default
    return field.get_default(call_default_factory=True)


def _shown(value: Any) -> str:
    return repr(value).replace("|", "\\|")


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(member) for member in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    kind = str(schema.get("type", "any"))
    return f"list of {_type(schema['items'])}" if kind == "array" and "items" in schema else kind


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
