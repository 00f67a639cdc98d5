"""The JSON Schema of a recipe, for editors: every step and model by its address, with its keys explained."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ..step import Step
from .address import find_model, find_step, model_names, step_addresses
from .check import Head
from .recipe import MAY_LOSE, StopRule

_HOUSE = {
    "from": {
        "description": "Rows to read: a step above, X.dropped for its bin, or a list of these.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    },
    "with": {"description": "A declared model, or a training step above.", "type": "string"},
}

_ASKS = {
    "stop_if_dropped": {
        "description": "Stop the run if more than this share of the first 50 or more rows is lost; 1: never.",
        "type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": MAY_LOSE,
    },
}  # fmt: skip


def recipe_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a whole recipe."""
    definitions: dict[str, Any] = {}
    steps = [_variant(find_step(a), "do", a, _keys(find_step(a)), definitions) for a in step_addresses()]
    models = [_variant(find_model(n), "use", n, {}, definitions) for n in model_names()]
    stop = _lifted(StopRule.model_json_schema(), definitions)
    named_steps = {"type": "object", "additionalProperties": {"$ref": "#/$defs/step"}}
    definitions["foreign"] = {
        "type": "object",
        "description": "Someone else's step, by its dotted path.",
        "properties": {"do": {"type": "string", "not": {"enum": list(step_addresses())}}, **_HOUSE, **_ASKS},
        "required": ["do"],
    }
    definitions["step"] = {"anyOf": [*steps, {"$ref": "#/$defs/foreign"}]}
    definitions["rounds"] = {
        "type": "object",
        "description": "The only loop: each runs repeat times; probe is run after each round.",
        "properties": {
            "repeat": {"type": "integer", "minimum": 1},
            "each": named_steps,
            "probe": named_steps,
            "stop_when": {"anyOf": [{"const": "score_falls"}, stop]},
            "from": _HOUSE["from"],
        },
        "required": ["repeat", "each"],
        "additionalProperties": False,
    }
    whole = _lifted(Head.model_json_schema(), definitions)
    whole["properties"]["models"] = {"type": "object", "additionalProperties": {"anyOf": models}}
    either = {"anyOf": [{"$ref": "#/$defs/rounds"}, {"$ref": "#/$defs/step"}]}
    whole["properties"]["steps"] = {"type": "object", "additionalProperties": either}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "$defs": definitions}


def _keys(kind: type[Step]) -> dict[str, Any]:
    return _HOUSE | _ASKS if kind.kind == "ask" else _HOUSE


def _variant(
    kind: type[BaseModel], key: str, name: str, house: dict[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    schema = _lifted(kind.model_json_schema(), definitions)
    schema["properties"] = {key: {"const": name}, **house, **schema.get("properties", {})}
    schema["required"] = [key, *schema.get("required", [])]
    definitions[f"{key}:{name}"] = schema
    return {"$ref": f"#/$defs/{key}:{name}"}


def _lifted(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    definitions.update(schema.pop("$defs", {}))
    return schema
