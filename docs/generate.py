"""Write docs/steps.md from the steps and models themselves: their docstrings, fields and defaults.

Run from the repository root: python docs/generate.py  (a test says when the file is out of date)
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tunesmith.recipe.address import ROOMS, find_model, find_step, model_names, step_addresses

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
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    schema = kind.model_json_schema()
    for name, field in kind.model_fields.items():
        default = "required" if field.is_required() else f"`{_default(field)}`"
        about = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {_type(schema['properties'][name])} | {default} | {about} |")
    return [story, *(["\n".join(rows)] if len(rows) > 2 else [])]


def _default(field: Any) -> str:
    value = (
        field.default
        if field.default is not PydanticUndefined
        else field.get_default(call_default_factory=True)
    )
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
