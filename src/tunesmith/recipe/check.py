"""Checking a parsed recipe: every key, name and reference; mistakes are collected, not raised one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from ..errors import Mistake, RecipeError, UserError, nearest
from ..llm.model import Model, Trainable
from ..step import Step, step_names
from .address import find_model, find_step, keys_of, owner_of, renamed_keys
from .dev_set import leaks
from .recipe import MAY_LOSE, PREVIOUS, SO_FAR, Node, Recipe, Ref, Rounds, StopRule
from .yaml import Document, shown

Where = tuple[str | int, ...]


LONGEST_NAME = 80
"""Bytes of a name. It becomes a file name with a number before it, of which 255 bytes are allowed."""
_NAME = re.compile(r"\w[\w.-]*")


class Head(BaseModel):
    """The top-level keys of a recipe, beside models, steps and tiny."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=LONGEST_NAME)
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
        self.backends: dict[str, type[Model]] = {}  # also of models whose keys have mistakes
        self.known: dict[str, Node | Rounds | None] = {}  # None: a step that has mistakes

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
                # A mapping for `str | Template` also fails as a text; what is wrong inside it says more.
                inside = [d for at, ds in by_place.items() if at[: len(place)] == place for d in ds]
                told = [d for d in details if len(inside) == 1 or not _is_mapping_for_text(d)]
                self._field(kind, place, told)
            return None

    def _place(self, path: Where, detail: Any) -> Where:
        """Where in the document the mistake is; pydantic's names of union members are left out."""
        place = path
        for part in detail["loc"]:
            if (*place, part) in self.document.lines:
                place = (*place, part)
        return place

    def _field(self, kind: type[BaseModel], place: Where, details: Sequence[Any]) -> None:
        others = []
        for detail in details:
            key = str(detail["loc"][-1]) if detail["loc"] else ""
            owner = owner_of(kind, detail["loc"])
            if detail["type"] == "extra_forbidden":
                keys, renamed = keys_of(owner), renamed_keys(owner)
                if key in renamed:
                    self._mistake(place, f"the key {key!r} was renamed", f"renamed to {renamed[key]}")
                else:
                    self._mistake(place, f"unknown key {key!r}", nearest(key, keys))
            elif detail["type"] == "missing":
                field = keys_of(owner).get(key)
                about = (field.description if field else None) or ""
                self._mistake(place, f"the key {key!r} is missing", about.strip())
            else:
                others.append(detail)
        if others:
            expected = ", or ".join(dict.fromkeys(str(detail["msg"]) for detail in others))
            self._mistake(place, f"{shown(expected)}; came {shown(repr(others[0]['input']))}")

    def _name(self, name: str, path: Where) -> None:
        """Names of steps and models become names of files and folders, and are printed."""
        if not _NAME.fullmatch(name):
            problem = f"the name {shown(name)!r} has other characters than letters, digits, '_', '-' and '.'"
            self._mistake(path, problem, "choose a name that begins with a letter, a digit or '_'")
        elif len(name.encode()) > LONGEST_NAME:
            self._mistake(path, f"the name has more than {LONGEST_NAME} bytes", "choose a shorter name")

    def _model(self, name: str, spec: Any) -> None:
        path: Where = ("models", name)
        self._name(name, path)
        if not isinstance(spec, dict) or not isinstance(spec.get("use"), str):
            self._mistake(path, "a model is declared as {use: BACKEND, ...}", "for example {use: starter}")
            return
        try:
            kind = find_model(spec["use"], self.home)
        except UserError as error:
            self._mistake((*path, "use"), error.problem, error.fix)
            return
        self.backends[name] = kind
        model: Model | None = self._validate(kind, {k: v for k, v in spec.items() if k != "use"}, path)
        if model is not None:
            self.models[name] = model.at(self.home)

    def _nodes(
        self, specs: Mapping[str, Any], path: Where, start: Ref | None = None
    ) -> tuple[Node | Rounds, ...]:
        nodes: list[Node | Rounds] = []
        above = start
        for name, spec in specs.items():
            self._name(str(name), (*path, str(name)))
            node = self._entry(str(name), spec, (*path, str(name)), above)
            if str(name) in self.known or str(name) in self.models or str(name) in (PREVIOUS, SO_FAR):
                self._mistake(
                    (*path, str(name)), f"the name {shown(name)!r} is already taken", "choose another name"
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
            if "from" in spec:
                self._refs(spec, path, above)
            if spec.get("with") is not None:
                self._model_of(str(spec["with"]), path)
            return None
        own = ("do", "from", "with", *(("stop_if_dropped",) if kind.kind == "ask" else ()))
        fields = {key: value for key, value in spec.items() if key not in own}
        step = self._validate(kind, fields, path)
        inputs = self._inputs(kind, spec, path, above)
        model = self._with(kind, step, spec, path)
        self._named_steps(kind, spec, path)
        most = self._stop_if_dropped(spec, path) if kind.kind == "ask" else MAY_LOSE
        return None if step is None else Node(name, step, str(spec["do"]), inputs, model, most)

    def _stop_if_dropped(self, spec: dict[str, Any], path: Where) -> float:
        share = spec.get("stop_if_dropped", MAY_LOSE)
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1:
            return float(share)
        expected = "must be a share of rows, more than 0 and at most 1 (1: never stop)"
        self._mistake((*path, "stop_if_dropped"), f"{expected}; came {share!r}")
        return MAY_LOSE

    def _named_steps(self, kind: type[Step], spec: Mapping[str, Any], path: Where) -> None:
        """Fields that name steps must name steps above: a mistyped judge would drop every row."""
        for key, field in keys_of(kind).items():
            for name in step_names(spec.get(key), field):
                if name not in self.known:
                    fix = nearest(name, self.known)
                    self._mistake((*path, key), f"no step above is called {name!r}", fix)

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
        self._model_of(str(name), path)
        backend = self.backends.get(str(name))
        if kind.kind == "train" and backend is not None and not issubclass(backend, Trainable):
            self._mistake((*path, "with"), f"{name!r} has no weights to train", "use hf or scratch")
        return str(name)

    def _model_of(self, name: str, path: Where) -> None:
        """``with:`` must name a declared model, or a training step above."""
        given = self.document.data.get("models")
        declared = given if isinstance(given, dict) else {}
        node = self.known.get(name)
        trained = isinstance(node, Node) and node.step.kind == "train"
        trained = trained or (name in self.known and node is None)
        if name not in declared and not trained:
            makers = [n for n, k in self.known.items() if isinstance(k, Node) and k.step.kind == "train"]
            below = name in _all_names(self.document.data.get("steps"))
            problem = (
                f"{name!r} stands below: it is not trained yet" if below else f"no model is called {name!r}"
            )
            self._mistake((*path, "with"), problem, nearest(name, [*declared, *makers]))

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
        if needed and len(found) == len(specs) and not any(node.gives_rows for node in found):
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


def _is_mapping_for_text(detail: Mapping[str, Any]) -> bool:
    return bool(detail["type"] == "string_type") and isinstance(detail["input"], dict)


def _all_names(steps: Any) -> set[str]:
    names: set[str] = set()
    for name, spec in steps.items() if isinstance(steps, dict) else ():
        names.add(str(name))
        for part in ("each", "probe"):
            if isinstance(spec, dict) and isinstance(spec.get(part), dict):
                names |= {str(inner) for inner in spec[part]}
    return names
