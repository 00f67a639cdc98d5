"""Checking a parsed recipe: every key, name and reference; mistakes are collected, not raised one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from ..errors import Mistake, RecipeError, UserError, nearest
from ..llm.model import Model, Trainable
from ..step import Step
from .address import find_model, find_step
from .dev_set import leaks
from .recipe import MAY_LOSE, PREVIOUS, SO_FAR, Node, Recipe, Ref, Rounds, StopRule
from .yaml import Document

Where = tuple[str | int, ...]


class Head(BaseModel):
    """The top-level keys of a recipe, beside models, steps and tiny."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    """Names the run folder."""
    paper: str = ""
    """arXiv number of the method."""
    about: str = ""
    """One line for ``tunesmith recipes``."""
    seed: int = 42
    """All chance follows from it."""
    budget: float | None = Field(default=None, gt=0)
    """Most money to spend, USD; the run then stops cleanly and can go on later."""
    workers: int | None = Field(default=None, gt=0)
    """Worker processes; default: the cores of this machine. Rows do not depend on it."""
    published_rows: dict[str, PositiveInt] = {}
    """Source step -> rows of the data that the paper used; ``plan`` assumes them where there is no data."""
    models: dict[str, Any] = {}
    """Name -> {use: backend, ...}."""
    steps: dict[str, Any]
    """Name -> {do: address, ...}, read top to bottom."""
    tiny: dict[str, Any] = {}
    """Laid over the recipe by ``--tiny``: the same story in small numbers."""


class Checker:
    """Collects mistakes while it turns a document into a recipe."""

    def __init__(self, document: Document, home: Path) -> None:
        self.document, self.home = document, home
        self.mistakes = list(document.mistakes)
        self.models: dict[str, Model] = {}
        self.known: dict[str, Node | Rounds | None] = {}  # None: rows that no checked step gives

    def read(self, tiny: bool) -> Recipe:
        data = self.document.data
        head = self._validate(Head, data, ())
        for name, spec in (data.get("models") or {}).items() if isinstance(data.get("models"), dict) else ():
            self._model(str(name), spec)
        steps = data.get("steps")
        nodes = self._nodes(steps, ("steps",)) if isinstance(steps, dict) else ()
        if isinstance(steps, dict) and not steps:
            self._mistake(("steps",), "a recipe needs at least one step")
        sources = [node.name for node in nodes if isinstance(node, Node) and node.step.kind == "source"]
        for name in head.published_rows if head and not tiny else ():
            if name not in sources:
                self._mistake(
                    ("published_rows", name), f"no source is called {name!r}", nearest(name, sources)
                )
        for leak in leaks(nodes):
            self._mistake(
                ("steps", leak.block, "probe", leak.probe, "benchmarks"),
                f"stop_when chooses by {leak.dev}, and {leak.scores!r} reports its problems in {leak.test}",
                "choose by a dev set of other problems, such as mbpp_dev_apart",
            )
        if self.mistakes or head is None:
            raise RecipeError(self.mistakes)
        effective = {key: value for key, value in data.items() if key != "tiny"}
        kept = head.model_dump(exclude={"models", "steps", "tiny"})
        return Recipe(**kept, nodes=nodes, models=self.models, home=self.home, data=effective, tiny=tiny)

    def _mistake(self, path: Where, problem: str, fix: str = "") -> None:
        self.mistakes.append(Mistake(self.document.where(path), problem, fix))

    def _validate(self, kind: type[Any], values: Any, path: Where) -> Any:
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            by_place: dict[Where, list[Any]] = {}
            for detail in error.errors():
                by_place.setdefault(self._place(path, detail), []).append(detail)
            for place, details in by_place.items():
                self._field(kind, place, details)
            return None

    def _place(self, path: Where, detail: Any) -> Where:
        """Where the mistake stands in the document; pydantic's names of union members are left out."""
        if detail["type"] == "missing":
            return path if len(detail["loc"]) == 1 else (*path, *detail["loc"][:-1])
        place = path
        for part in detail["loc"]:
            if (*place, part) in self.document.lines:
                place = (*place, part)
        return place

    def _field(self, kind: type[BaseModel], place: Where, details: Sequence[Any]) -> None:
        others = []
        for detail in details:
            key = str(detail["loc"][-1]) if detail["loc"] else ""
            if detail["type"] == "extra_forbidden":
                self._mistake(place, f"unknown key {key!r}", nearest(key, kind.model_fields))
            elif detail["type"] == "missing":
                about = kind.model_fields[key].description if key in kind.model_fields else None
                self._mistake(place, f"the key {key!r} is missing", (about or "").strip())
            else:
                others.append(detail)
        if others:
            expected = ", or ".join(dict.fromkeys(str(detail["msg"]) for detail in others))
            self._mistake(place, f"{expected}; came {others[0]['input']!r}")

    def _model(self, name: str, spec: Any) -> None:
        path: Where = ("models", name)
        if not isinstance(spec, dict) or not isinstance(spec.get("use"), str):
            self._mistake(path, "a model is declared as {use: BACKEND, ...}", "for example {use: starter}")
            return
        try:
            kind = find_model(spec["use"], self.home)
        except UserError as error:
            self._mistake((*path, "use"), error.problem, error.fix)
            return
        model: Model | None = self._validate(kind, {k: v for k, v in spec.items() if k != "use"}, path)
        if model is not None:
            self.models[name] = model.at(self.home)

    def _nodes(
        self, specs: Mapping[str, Any], path: Where, start: Ref | None = None
    ) -> tuple[Node | Rounds, ...]:
        nodes: list[Node | Rounds] = []
        above = start
        for name, spec in specs.items():
            node = self._entry(str(name), spec, (*path, str(name)), above)
            if str(name) in self.known or str(name) in self.models or str(name) in (PREVIOUS, SO_FAR):
                self._mistake(
                    (*path, str(name)), f"the name {name!r} is already taken", "choose another name"
                )
            if node is None:
                self.known[str(name)] = None  # its mistake is reported; those who follow it are not blamed
                above = Ref(str(name))
                continue
            nodes.append(node)
            self.known[node.name] = node
            if node.gives_rows:
                above = Ref(node.name)
        return tuple(nodes)

    def _entry(self, name: str, spec: Any, path: Where, above: Ref | None) -> Node | Rounds | None:
        if not isinstance(spec, dict) or not ("do" in spec or "repeat" in spec):
            self._mistake(path, "a step is {do: ADDRESS, ...} or {repeat: N, each: {...}}")
            return None
        if "repeat" in spec:
            return self._rounds(name, spec, path, above)
        return self._step(name, spec, path, above)

    def _step(self, name: str, spec: dict[str, Any], path: Where, above: Ref | None) -> Node | None:
        try:
            kind = find_step(str(spec["do"]), self.home)
        except UserError as error:
            self._mistake((*path, "do"), error.problem, error.fix)
            return None
        own = ("do", "from", "with", *(("stop_if_dropped",) if kind.kind == "ask" else ()))
        fields = {key: value for key, value in spec.items() if key not in own}
        step = self._validate(kind, fields, path)
        inputs = self._inputs(kind, spec, path, above)
        model = self._with(kind, step, spec, path)
        if step is None:
            return None
        self._named_steps(step, path)
        return Node(name, step, str(spec["do"]), inputs, model, self._stop_if_dropped(spec, path))

    def _stop_if_dropped(self, spec: dict[str, Any], path: Where) -> float:
        share = spec.get("stop_if_dropped", MAY_LOSE)
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1:
            return float(share)
        expected = "must be a share of rows, more than 0 and at most 1 (1: never stop)"
        self._mistake((*path, "stop_if_dropped"), f"{expected}; came {share!r}")
        return MAY_LOSE

    def _named_steps(self, step: Step, path: Where) -> None:
        """Fields that name steps must name steps above: a mistyped judge would drop every row."""
        for field in step.names_steps:
            given = getattr(step, field)
            for name in (given,) if isinstance(given, str) else given:
                if name and name not in self.known:
                    fix = nearest(name, self.known)
                    self._mistake((*path, field), f"no step above is called {name!r}", fix)

    def _inputs(
        self, kind: type[Step], spec: dict[str, Any], path: Where, above: Ref | None
    ) -> tuple[Ref, ...]:
        if kind.kind in ("source", "score"):
            if "from" in spec:
                self._mistake((*path, "from"), f"a {kind.kind} step reads no rows", "remove 'from'")
            return ()
        return self._refs(spec, path, above)

    def _refs(self, spec: dict[str, Any], path: Where, above: Ref | None) -> tuple[Ref, ...]:
        if "from" not in spec:
            if above is None:
                self._mistake(path, "no rows stand above this step", "put a source before it, or give 'from'")
            return (above,) if above else ()
        given = spec["from"] if isinstance(spec["from"], list) else [spec["from"]]
        return tuple(ref for item in given if (ref := self._ref(str(item), (*path, "from"))))

    def _ref(self, text: str, path: Where) -> Ref | None:
        name, _, suffix = text.partition(".")
        if suffix not in ("", "dropped"):
            self._mistake(path, f"{text!r}: only '.dropped' can follow a step's name")
        if name not in self.known:
            if name in _all_names(self.document.data.get("steps")):
                self._mistake(path, f"{name!r} stands below or inside another block: rows only flow down")
            else:
                self._mistake(path, f"no step above is called {name!r}", nearest(name, self.known))
            return None
        node = self.known[name]
        if node is not None and not node.gives_rows:
            self._mistake(path, f"{name!r} gives no rows: it makes a model or a score")
        return Ref(name, suffix == "dropped")

    def _with(self, kind: type[Step], step: Step | None, spec: dict[str, Any], path: Where) -> str | None:
        name, need = spec.get("with"), step.needs() if step else kind.needs_model
        if name is None:
            if need == "required":
                self._mistake(
                    path,
                    "this step needs a model",
                    f"add 'with:'; {nearest('', self.document.data.get('models') or ())}",
                )
            return None
        if need == "none":
            self._mistake((*path, "with"), "this step uses no model", "remove 'with'")
            return None
        declared = self.document.data.get("models") or {}
        node = self.known.get(str(name))
        trained = isinstance(node, Node) and node.step.kind == "train"
        trained = trained or (str(name) in self.known and node is None)
        if str(name) not in declared and not trained:
            makers = [n for n, k in self.known.items() if isinstance(k, Node) and k.step.kind == "train"]
            below = str(name) in _all_names(self.document.data.get("steps"))
            problem = (
                f"{name!r} stands below: it is not trained yet" if below else f"no model is called {name!r}"
            )
            self._mistake((*path, "with"), problem, nearest(str(name), [*declared, *makers]))
        model = self.models.get(str(name))
        if kind.kind == "train" and model is not None and not isinstance(model, Trainable):
            self._mistake((*path, "with"), f"{name!r} has no weights to train", "use hf or scratch")
        return str(name)

    def _rounds(self, name: str, spec: dict[str, Any], path: Where, above: Ref | None) -> Rounds | None:
        allowed = ("repeat", "each", "probe", "stop_when", "from")
        for key in spec.keys() - set(allowed):
            self._mistake((*path, key), f"unknown key {key!r}", nearest(key, allowed))
        repeat = spec["repeat"]
        if not isinstance(repeat, int) or isinstance(repeat, bool) or repeat < 1:
            self._mistake((*path, "repeat"), f"must be a whole number of at least 1; came {repeat!r}")
        inputs = self._refs(spec, path, above)
        outer = dict(self.known)
        parts: dict[str, tuple[Node, ...]] = {"each": (), "probe": ()}
        for part, start in (("each", PREVIOUS), ("probe", SO_FAR)):
            parts[part] = self._part(spec.get(part), (*path, part), start, needed=part == "each")
        self.known = outer
        stop = self._stop(spec.get("stop_when"), (*path, "stop_when"))
        if stop and not any(node.step.kind == "score" for node in parts["probe"]):
            self._mistake(
                path, "stop_when needs a probe with a score step", "add 'probe:' with evaluation.pass_at_k"
            )
        return Rounds(name, repeat, parts["each"], parts["probe"], stop, inputs)

    def _part(self, specs: Any, path: Where, start: str, *, needed: bool) -> tuple[Node, ...]:
        if not isinstance(specs, dict):
            if needed or specs is not None:
                self._mistake(path, "must be a mapping of steps")
            return ()
        self.known |= {PREVIOUS: None, SO_FAR: None}
        found = self._nodes(specs, path, Ref(start))
        for node in found:
            if isinstance(node, Rounds):
                self._mistake(
                    (*path, node.name), "a block cannot hold another block", "put it beside this one"
                )
        if needed and not any(node.gives_rows for node in found):
            self._mistake(path, "no step in it gives rows")
        return tuple(node for node in found if isinstance(node, Node))

    def _stop(self, spec: Any, path: Where) -> StopRule | None:
        if spec is None:
            return None
        if spec == "score_falls":
            return StopRule()
        if not isinstance(spec, dict):
            self._mistake(path, f"came {spec!r}", "write score_falls, or {score: falls, patience: 2}")
            return None
        rule: StopRule | None = self._validate(StopRule, spec, path)
        return rule


def _all_names(steps: Any) -> set[str]:
    names: set[str] = set()
    for name, spec in steps.items() if isinstance(steps, dict) else ():
        names.add(str(name))
        for part in ("each", "probe"):
            if isinstance(spec, dict) and isinstance(spec.get(part), dict):
                names |= {str(inner) for inner in spec[part]}
    return names
