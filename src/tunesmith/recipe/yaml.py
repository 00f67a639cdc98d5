"""A YAML 1.2 document that remembers the line of every key.

In YAML 1.2 ``no`` is a string and ``2e-5`` a float. Duplicate keys are mistakes that name both lines: that
is why the nodes are walked here, for ruamel's own marks (``.lc``) stop at the first duplicate.
A recipe may come from a stranger, so size, depth and the number of nodes are bounded. Aliases are counted as
often as they are used: nine lines of them can stand for a billion nodes, and an anchor can hold itself.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..errors import Mistake, RecipeError

Path = tuple[str | int, ...]
LARGEST_TEXT = 200_000
"""Characters of a recipe; the ones that come with tunesmith have at most 5,000."""
MOST_NODES, MOST_LEVELS = 20_000, 50
_SHOWN = 80


@dataclass
class Document:
    """Plain data, the line of each path into it, and what was wrong with the text itself."""

    name: str
    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    nodes: int = 0

    def where(self, path: Path) -> str:
        """``file:line (steps.coreset.size)`` for the deepest part of ``path`` that has a line."""
        dotted = ".".join(map(shown, path))
        for depth in range(len(path), -1, -1):
            line = self.lines.get(path[:depth])
            if line is not None:
                place = f"{self.name}:{line}" if line > 0 else "command line"
                return f"{place} ({dotted})" if dotted else place
        return f"{self.name} ({dotted})"


def read_document(text: str, name: str) -> Document:
    """Parse ``text``.

    Raises:
        RecipeError: the text is not YAML; names file, line and what was met there.
    """
    if len(text) > LARGEST_TEXT:
        raise _too_much(name, f"has {len(text):,} characters; at most {LARGEST_TEXT:,} are read")
    yaml = YAML(typ="safe", pure=True)
    document = Document(name, None)
    try:
        root = yaml.compose(io.StringIO(text))
    except RecursionError as error:  # the composer calls itself once per level
        raise _too_much(name, f"is nested more than {MOST_LEVELS} levels deep") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = f"not valid YAML: {error.problem or error.context}"
        raise RecipeError(
            [Mistake(f"{name}:{line}", problem, "check the indentation and quotes there")]
        ) from error
    except (YAMLError, ValueError) as error:  # control characters
        reason = shown(str(error).splitlines()[0])
        fix = "save it as UTF-8 text without control characters"
        raise RecipeError([Mistake(name, f"not valid YAML: {reason}", fix)]) from error
    document.data = _build(root, (), document, yaml.constructor) if root is not None else {}
    return document


def read_value(text: str) -> Any:
    """A YAML value from the command line: ``5`` is an int, ``[a, b]`` a list, ``no`` a string."""
    return read_document(text, "command line").data if text.strip() else ""


def shown(value: object) -> str:
    """``value`` for a message: short, and without characters that would act on a terminal."""
    text = str(value)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _too_much(name: str, problem: str) -> RecipeError:
    return RecipeError([Mistake(name, f"the recipe {problem}", "write it shorter, with fewer aliases")])


def _build(node: Node, path: Path, document: Document, constructor: SafeConstructor) -> Any:
    document.nodes += 1
    if document.nodes > MOST_NODES:
        raise _too_much(document.name, f"holds more than {MOST_NODES:,} values once its aliases are replaced")
    if len(path) > MOST_LEVELS:
        raise _too_much(document.name, f"is nested more than {MOST_LEVELS} levels deep")
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, path, document, constructor)
    if isinstance(node, SequenceNode):
        return [_build(item, (*path, i), document, constructor) for i, item in enumerate(node.value)]
    return _scalar(node, path, document, constructor)


def _mapping(
    node: MappingNode, path: Path, document: Document, constructor: SafeConstructor
) -> dict[str, Any]:
    built: dict[str, Any] = {}
    first: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        if key in built:
            document.mistakes.append(
                Mistake(
                    f"{document.name}:{line} ({'.'.join(map(shown, (*path, key)))})",
                    f"the key {shown(key)!r} stands twice, on lines {first[key]} and {line}",
                    "keep one of them",
                )
            )
            continue
        first[key] = line
        document.lines[(*path, key)] = line
        built[key] = _build(value_node, (*path, key), document, constructor)
    return built


def _scalar(node: Node, path: Path, document: Document, constructor: SafeConstructor) -> Any:
    assert isinstance(node, ScalarNode)
    try:
        return constructor.construct_object(node)
    except (MarkedYAMLError, ValueError) as error:
        problem = f"cannot read {shown(node.value)!r}: {shown(error)}"
        document.mistakes.append(Mistake(document.where(path), problem))
        return None


def as_yaml(data: dict[str, Any]) -> str:
    """YAML 1.2 text that reads back as ``data``."""
    yaml = YAML()  # the round-trip dumper keeps the order of the recipe
    yaml.width = 110
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()
