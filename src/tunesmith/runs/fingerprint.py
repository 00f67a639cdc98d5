"""What makes a step's rows what they are, as one key: change any of it and the step must run again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from ..errors import UserError
from ..llm.model import Model
from ..recipe.recipe import PREVIOUS, SO_FAR, Node, Recipe, Rounds
from ..step import Context
from .record import Place
from .run_folder import RunFolder

GRAMMAR = "1"
"""Raised when the meaning of rows or ids changes for every step."""


def hashed(facts: Mapping[str, Any]) -> str:
    """32 hex digits over JSON facts, whatever the order of their keys."""
    blob = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return hashlib.blake2b(blob, digest_size=16).hexdigest()


def model_facts(model: Model) -> str:
    """Who answers and how it decodes; not the address, not the speed."""
    return f"{model.identity()} t={model.temperature} p={model.top_p} n={model.max_tokens}"


def step_facts(
    node: Node, name: str, seed: int, inputs: Mapping[str, str], model: str, outside: str
) -> dict[str, Any]:
    """Everything that the rows of a step depend on.

    inputs: label of each input -> its key.  model: facts or key of the model it uses.
    outside: what ``Step.outside`` said of files and data versions.
    """
    return {
        "grammar": GRAMMAR,
        "do": node.address,
        "version": node.step.version,
        "name": name,
        "seed": seed,
        "params": node.step.model_dump(mode="json", by_alias=True),
        "inputs": dict(inputs),
        "model": model,
        "outside": outside,
    }


def rounds_facts(
    block: Rounds, seed: int, inputs: Mapping[str, str], parts: list[dict[str, Any]]
) -> dict[str, Any]:
    """Everything that a repeated block depends on; ``parts`` are the facts of its steps."""
    stop = block.stop.model_dump() if block.stop else None
    return {
        "grammar": GRAMMAR,
        "name": block.name,
        "seed": seed,
        "repeat": block.repeat,
        "stop_when": stop,
        "inputs": dict(inputs),
        "steps": parts,
    }


def why(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In words, what differs between the facts of then and now."""
    said = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if key == "params" and isinstance(before, dict) and isinstance(after, dict):
            names = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
            said += [f"{name}: {before.get(name)!r} -> {after.get(name)!r}" for name in names]
        elif key == "inputs":
            changed = sorted(
                k
                for k in {**(before or {}), **(after or {})}
                if (before or {}).get(k) != (after or {}).get(k)
            )
            said.append(f"its input changed ({', '.join(changed)})")
        elif key in ("steps", "outside"):
            said.append("its steps changed" if key == "steps" else "the data it reads changed")
        else:
            said.append(f"{key}: {before!r} -> {after!r}")
    return "; ".join(said) or "unknown"


class Fingerprints:
    """Says what the rows of each step of a recipe depend on.

    Making one asks every step what it reads from outside, so a missing file is known before anything runs.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._outside = {id(node): self._ask(node) for node in recipe.all_nodes()}

    def _ask(self, node: Node) -> str:
        try:
            return node.step.outside(Context(node.name, self.recipe.seed, home=self.recipe.home))
        except UserError as error:
            where = error.where or f"steps.{node.name}"
            raise type(error)(where, error.problem, error.fix) from error

    def of_step(self, node: Node, name: str, keys: Mapping[str, str]) -> dict[str, Any]:
        """The facts of one step; ``keys`` are those of what its names stand for."""
        model = ""
        if node.model is not None:
            declared = self.recipe.models.get(node.model)
            model = model_facts(declared) if declared else keys[node.model]
        inputs = {str(ref): keys[str(ref)] for ref in node.inputs}
        return step_facts(node, name, self.recipe.seed, inputs, model, self._outside[id(node)])

    def of_block(self, block: Rounds, keys: Mapping[str, str]) -> dict[str, Any]:
        """The facts of a repeated block, with those of its steps."""
        inner = {**keys, PREVIOUS: "", SO_FAR: "", f"{PREVIOUS}.dropped": "", f"{SO_FAR}.dropped": ""}
        parts = []
        for node in (*block.each, *block.probe):
            facts = self.of_step(node, node.name, inner)
            parts.append(facts)
            inner |= {node.name: hashed(facts), f"{node.name}.dropped": hashed(facts)}
        return rounds_facts(block, self.recipe.seed, {str(r): keys[str(r)] for r in block.inputs}, parts)

    def stale(self, run: RunFolder) -> list[tuple[str, str]]:
        """Steps in ``run`` whose finished or half-done work no longer fits the recipe, and why."""
        keys: dict[str, str] = {}
        stale = []
        for number, node in enumerate(self.recipe.nodes, start=1):
            facts = (
                self.of_block(node, keys) if isinstance(node, Rounds) else self.of_step(node, node.name, keys)
            )
            key = hashed(facts)
            keys |= {node.name: key, f"{node.name}.dropped": key}
            folder = run.at(Place(number, node.name))
            done, made_of = folder.done, folder.made_of
            if made_of is None or made_of.key == key:
                continue
            what = "block" if isinstance(node, Rounds) else "step"
            half_done = f"the {what} was half done under another recipe"
            stale.append((node.name, why(done.facts, facts) if done else half_done))
        return stale
