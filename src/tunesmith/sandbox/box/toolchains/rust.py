"""Rust: one crate of program and tests, whose ``main`` calls that of the tests and then notes that it ended.

Only the standard library is available. Where the tests themselves need a crate, the program is refused.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from . import BuildError, Launch, explain, native

if TYPE_CHECKING:
    from .toolchain_judge import BuildTools, Stage

SERVERS = ("build", "run")
_FLAGS = (
    "--edition=2021", "--crate-name=program", "--crate-type=bin", "--emit=obj", "-Copt-level=0",
    "-Cdebuginfo=0", "-Cprefer-dynamic", "-Ccodegen-units=1", "--cap-lints=allow",
)  # fmt: skip
_MAIN = re.compile(r"^([ \t]*(?:pub[ \t]+)?fn[ \t]+)main([ \t]*\()", re.MULTILINE)
_TEST = re.compile(r"#\[test\](?P<marks>(?:\s|//[^\n]*\n|#\[[^\]]*\])*)(?:pub\s+)?fn\s+(?P<name>\w+)")
_MODULE = re.compile(r"\bmod\s+(\w+)\s*\{")
_MACROS = (
    "assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne", "panic",
    "unreachable", "matches",
)  # fmt: skip
_GUARD = "const _: () = ();\n" + "".join(
    f"#[allow(unused_macros)] macro_rules! {name} {{ ($($t:tt)*) => {{ ::std::{name}!($($t)*) }} }}\n"
    for name in _MACROS
)
"""Between program and tests: an item for attributes that the program left dangling, and the real macros."""
_NEEDED = re.compile(r"(?:can't find crate for|unlinked crate|missing crate) `(\w+)`")


def make(job: dict[str, Any], tools: BuildTools) -> Launch:
    """Compile, or take what was compiled before."""
    code, tests = job["code"], job["tests"]
    try:
        program, token = tools.kept(code, tests, make=lambda token: _build(code, tests, token, tools))
    except BuildError as error:
        needed = next(
            (name for name in _NEEDED.findall(error.message) if re.search(rf"\b{name}\b", tests)), ""
        )
        if needed and error.failure == "CompileError":
            raise BuildError("refused", f"needs crate {needed}", error.message) from None
        raise
    return Launch(program, token, explain=_explain)


def _build(code: str, tests: str, token: bytes, tools: BuildTools) -> int:
    ended = f"f_{secrets.token_hex(16)}"
    settings = tools.settings
    source = _woven(code, tests, ended) if tests else code
    object_ = native.patched(f"{settings['objects']}/ends.o", token, ended)
    link = [settings["linker"], *settings["link"], *native.WRAP, "main.o", "token.o"]
    libraries = [*settings["libraries"], "-lm", "-ldl", "-lrt", f"-Wl,-rpath,{settings['library_folder']}"]
    stages: list[Stage] = [
        ({"main.rs": source}, [settings["compiler"], *_FLAGS, "main.rs", "-o", "main.o"]),
        ({"token.o": object_}, [*link, *libraries, "-o", "program"]),
    ]
    return tools.build(stages, "program")


def _woven(code: str, tests: str, ended: str) -> str:
    """One file. Tests that begin by closing the program's last function do so first."""
    head, brace, rest = tests.partition("}") if tests.lstrip().startswith("}") else ("", "", tests)
    rest = _MAIN.sub(r"\1tests_main\2", rest, count=1) if _MAIN.search(rest) else _with_main(rest)
    final = (
        f'\nextern "C" {{ fn {ended}(); }}\n'
        "fn main() -> impl ::std::process::Termination {\n"
        f"    let end = tests_main();\n    unsafe {{ {ended}() }};\n    end\n}}\n"
    )
    return f"{code}\n{head}{brace}\n{_GUARD}{rest}{final}"


def _with_main(tests: str) -> str:
    """Functions marked ``#[test]`` are called from a main.

    Raises BuildError where there are none.
    """
    calls = []
    for found in _TEST.finditer(tests):
        module = _MODULE.findall(tests, 0, found.start())
        name = "::".join([*module[-1:], found["name"]])
        panics = "should_panic" in found["marks"]
        calls.append(
            f"    assert!(::std::panic::catch_unwind({name}).is_err());\n" if panics else f"    {name}();\n"
        )
    if not calls:
        raise BuildError("error", "bad tests", "the tests have no main() and no #[test]")
    plain = _TEST.sub(r"\g<marks>pub fn \g<name>", tests).replace("#[cfg(test)]", "")
    plain = re.sub(r"#\[should_panic[^\]]*\]", "", plain)
    return f"{plain}\nfn tests_main() {{\n{''.join(calls)}}}\n"


def _explain(code: int, stderr: str) -> tuple[str, str]:
    if code == 101:
        return "failed", "AssertionError" if "\nassertion" in stderr or ": assertion" in stderr else "panic"
    return explain(code, stderr)
