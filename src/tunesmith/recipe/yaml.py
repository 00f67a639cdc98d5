"""A YAML 1.2 document that remembers the line of every key.

In YAML 1.2 ``no`` is a string and ``2e-5`` a float. Duplicate keys are mistakes that name both lines.
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


@dataclass
class Document:
    """Plain data, the line of each path into it, and what was wrong with the text itself."""

    name: str
    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def where(self, path: Path) -> str:
        """``file:line (steps.coreset.size)`` for the deepest part of ``path`` that has a line."""
        dotted = ".".join(str(part) for part in path)
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
    yaml = YAML(typ="safe", pure=True)
    document = Document(name, None)
    try:
        root = yaml.compose(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = f"not valid YAML: {error.problem or error.context}"
        raise RecipeError(
            [Mistake(f"{name}:{line}", problem, "check the indentation and quotes there")]
        ) from error
    except (YAMLError, RecursionError, ValueError) as error:  # control characters, nesting without end
        said = str(error).splitlines()[0] if str(error) else "nested too deeply"
        fix = "save it as UTF-8 text without control characters"
        raise RecipeError([Mistake(name, f"not valid YAML: {said}", fix)]) from error
    document.data = _build(root, (), document, yaml.constructor) if root is not None else {}
    return document


def read_value(text: str) -> Any:
    """A YAML value from the command line: ``5`` is an int, ``[a, b]`` a list, ``no`` a string."""
    return read_document(text, "command line").data if text.strip() else ""


def _build(node: Node, path: Path, document: Document, constructor: SafeConstructor) -> Any:
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
                    f"{document.name}:{line} ({'.'.join(map(str, (*path, key)))})",
                    f"the key {key!r} stands twice, on lines {first[key]} and {line}",
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
        document.mistakes.append(Mistake(document.where(path), f"cannot read {node.value!r}: {error}"))
        return None


def as_yaml(data: dict[str, Any]) -> str:
    """YAML 1.2 text that reads back as ``data``."""
    yaml = YAML()  # the round-trip dumper keeps the order of the recipe
    yaml.width = 110
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()
