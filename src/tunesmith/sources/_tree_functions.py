"""Functions of a source file in any language that tree-sitter knows, with the comments before them.

One table says for each language what its grammar calls a function; the walk is the same for all. Only
functions that a file or a class declares are taken; those inside other functions stay there.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..code.grammars import syntax

if TYPE_CHECKING:
    from tree_sitter import Node

Language = Literal[
    "python", "javascript", "typescript", "java", "go", "c", "cpp", "csharp", "rust", "php", "ruby"
]

FUNCTIONS: dict[str, frozenset[str]] = {
    "javascript": frozenset({"function_declaration", "generator_function_declaration", "method_definition"}),
    "typescript": frozenset({"function_declaration", "generator_function_declaration", "method_definition"}),
    "java": frozenset({"method_declaration", "constructor_declaration"}),
    "csharp": frozenset({"method_declaration", "constructor_declaration"}),
    "go": frozenset({"function_declaration", "method_declaration"}),
    "c": frozenset({"function_definition"}),
    "cpp": frozenset({"function_definition"}),
    "rust": frozenset({"function_item"}),
    "php": frozenset({"function_definition", "method_declaration"}),
    "ruby": frozenset({"method", "singleton_method"}),
}
METHODS_ONLY = frozenset({"java", "csharp"})
"""Languages in which every function belongs to a class."""
_OWNERS = {
    "class_declaration", "abstract_class_declaration", "class", "class_specifier", "struct_specifier",
    "module", "interface_declaration", "enum_declaration", "record_declaration", "struct_declaration",
    "impl_item", "trait_item", "trait_declaration",
}  # fmt: skip
_WRAPPERS = frozenset({"export_statement", "template_declaration"})
"""What stands around one declaration and belongs to it."""
_THROUGH = {
    "program", "source_file", "translation_unit", "compilation_unit", "class_body", "declaration_list",
    "field_declaration_list", "enum_body", "enum_body_declarations", "interface_body", "body_statement",
    "namespace_definition", "namespace_declaration", "file_scoped_namespace_declaration",
    "statement_block", "linkage_specification", "preproc_if", "preproc_ifdef", "preproc_else",
    "mod_item", "internal_module", "expression_statement", "compound_statement",
}  # fmt: skip
"""What holds declarations and is no function: the walk goes on inside."""
_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
_MARKS = frozenset({"attribute_item", "decorator"})
"""Annotations that stand before a declaration and belong to its code."""
_FUNCTION_VALUES = frozenset({"arrow_function", "function_expression", "generator_function"})
_BODIES = frozenset({"compound_statement", "arrow_expression_clause", "block"})
_SIGNS = re.compile(r"^\s*(?:/\*+!?|\*+/|\*|//[/!]?|#)?[ \t]?|\s*\*+/\s*$")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a file: its whole source (decorators first), its docstring, its first line (from 1).

    docstring: in other languages than Python, the comment right above.  owner: the class it is a method
    of, or empty.  broken: it does not parse.
    """

    name: str
    code: str
    docstring: str
    line: int
    owner: str = ""
    broken: bool = False


def tree_functions(text: str, language: str, grammar: str) -> Iterator[Function] | None:
    """The functions of a file in order; None where it does not parse and none is found.

    grammar: the tree-sitter grammar to read it with (``tsx`` for TypeScript with markup).
    """
    source = text.encode(errors="replace")
    root = syntax(text, grammar).root_node
    found = _Walk(source, language).functions(root, root, "")
    if not root.has_error:
        return found
    whole = list(found)
    return iter(whole) if whole else None


class _Walk:
    """The walk through one file."""

    def __init__(self, source: bytes, language: str) -> None:
        self.source, self.language = source, language

    def functions(self, node: Node, outer: Node, owner: str) -> Iterator[Function]:
        """Functions declared in ``node``; ``outer`` is the wrapper around it, if it has one."""
        for child in node.named_children:
            around = outer if node.type in _WRAPPERS else child
            name = self._name(child)
            if name:
                yield self._function(name, child, around, owner)
            elif child.type in _OWNERS:
                title = child.child_by_field_name("name") or child.child_by_field_name("type")
                inner = f"{owner}.{_text(title)}".lstrip(".") if title else owner
                yield from self.functions(child, child, inner)
            elif child.type in _WRAPPERS or child.type in _THROUGH:
                yield from self.functions(child, around, owner)

    def _name(self, node: Node) -> str:
        """The name of the function that ``node`` declares, body and all; empty where it declares none."""
        if node.type in FUNCTIONS[self.language]:
            bodied = node.child_by_field_name("body") or any(c.type in _BODIES for c in node.named_children)
            return _declared_name(node) if bodied or self.language == "ruby" else ""
        if node.named_child_count != 1:
            return ""
        inner = node.named_children[0]
        if node.type in ("lexical_declaration", "variable_declaration"):
            return _assigned(inner, "name", "value")
        if node.type == "expression_statement" and inner.type == "assignment_expression":
            return _assigned(inner, "left", "right")
        return ""

    def _function(self, name: str, node: Node, around: Node, owner: str) -> Function:
        first, notes, above = around, [], around.prev_named_sibling
        lowest = around
        while above is not None and _belongs(above, lowest):
            if above.type in _MARKS:
                first = above
            else:
                notes.append(_text(above))
            lowest, above = above, above.prev_named_sibling
        receiver = node.child_by_field_name("receiver")
        if receiver is not None:  # Go: func (s *Stack[T]) Push(...)
            owner = _text(receiver).strip("()").split(" ", 1)[-1].lstrip("*").split("[")[0]
        if "::" in name and not owner:  # C++: int Stack::size() { ... }
            owner, _, name = name.rpartition("::")
        whole = self.source[first.start_byte : around.end_byte].decode(errors="replace")
        return Function(
            name="".join(name.split()),
            code=textwrap.dedent(" " * first.start_point.column + whole),
            docstring="\n".join(filter(None, map(_clean, reversed(notes)))),
            line=first.start_point.row + 1,
            owner=owner,
            broken=node.has_error,
        )


def _declared_name(node: Node) -> str:
    """The name field, or (C and C++) what the innermost declarator names."""
    name = node.child_by_field_name("name")
    while name is None:
        inner = node.child_by_field_name("declarator")
        if inner is None:
            inner = next((c for c in node.named_children if c.type.endswith("declarator")), None)
        if inner is None:
            return _text(node)
        if inner.type.endswith("identifier") or inner.type in ("destructor_name", "operator_name"):
            return _text(inner)
        node, name = inner, inner.child_by_field_name("name")
    return _text(name)


def _assigned(node: Node, name: str, value: str) -> str:
    target, given = node.child_by_field_name(name), node.child_by_field_name(value)
    return _text(target) if target and given and given.type in _FUNCTION_VALUES else ""


def _belongs(above: Node, below: Node) -> bool:
    """Whether a comment or annotation stands right above a declaration, on lines of its own."""
    if above.type not in _COMMENTS | _MARKS:
        return False
    ends = above.end_point.row - (above.end_point.column == 0)
    before = above.prev_named_sibling
    own_line = before is None or before.end_point.row - (before.end_point.column == 0) < above.start_point.row
    return below.start_point.row - ends <= 1 and (own_line or above.type in _MARKS)


def _text(node: Node | None) -> str:
    return (node.text or b"").decode(errors="replace") if node else ""


def _clean(comment: str) -> str:
    """A comment's words without its signs."""
    return "\n".join(_SIGNS.sub("", line).rstrip() for line in comment.split("\n")).strip()
