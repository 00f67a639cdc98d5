"""``sources.folder`` in other languages: functions, whose they are, and the comments right above."""

from __future__ import annotations

import gzip
import json

import pytest
from real_data import real_data
from tables import apart, context

from tunesmith.code.grammars import PACKAGES, has_grammar
from tunesmith.sources._functions import functions
from tunesmith.sources.folder import Folder

pytestmark = pytest.mark.skipif(
    not all(map(has_grammar, PACKAGES)), reason="needs the grammars: pip install 'tunesmith[languages]'"
)

PROGRAMS = {
    ".js": (
        """let x; // not f's
/**
 * Doc of f.
 */
export function f(a) {
  function inner() {}
}
const g = (x) => x;
class A {
  // M.
  m() {}
}
exports.h = function () {};
run(() => { function no() {} });
""",
        [("", "f", "Doc of f."), ("", "g", ""), ("A", "m", "M."), ("", "exports.h", "")],
    ),
    ".ts": (
        """export class A { @dec() m(x: number): number { return x; }
  abstract n(): void; }
namespace N { export function h(): void {} }
export const g = <T>(x: T): T => x;
""",
        [("A", "m", ""), ("", "h", ""), ("", "g", "")],
    ),
    ".tsx": (
        """const V = (p: P) => <b>{p.x}</b>;
""",
        [("", "V", "")],
    ),
    ".java": (
        """package p;
public class A {
  /** M. */
  @Override public int m() { return 1; }
  A() {}
  abstract int none();
  interface B { default void k() {} }
}
""",
        [("A", "m", "M."), ("A", "A", ""), ("A.B", "k", "")],
    ),
    ".go": (
        """package p
// F does
// this.
func F() int { return 1 }

// far away

func (s *Stack[T]) Push(x T) {}
""",
        [("", "F", "F does\nthis."), ("Stack", "Push", "")],
    ),
    ".c": (
        """/* Doc. */
static int *f(int a) { return 0; }
int declared(void);
#ifdef X
int g(void) { return 1; }
#endif
""",
        [("", "f", "Doc."), ("", "g", "")],
    ),
    ".cpp": (
        """namespace n {
template <typename T> T f(T a) { return a; }
class A { int m() const { return 1; } };
}
int n::A::k() { return 2; }
""",
        [("", "f", ""), ("A", "m", ""), ("n::A", "k", "")],
    ),
    ".cs": (
        """namespace N { class A {
  /// Doc.
  public int M(int x) => x;
  A() {}
} }
""",
        [("A", "M", "Doc."), ("A", "A", "")],
    ),
    ".rs": (
        """/// Doc.
#[inline]
pub fn f(x: i32) -> i32 { x }
impl A { fn m(&self) {} }
mod t { fn u() {} }
""",
        [("", "f", "Doc."), ("A", "m", ""), ("", "u", "")],
    ),
    ".php": (
        """<?php
namespace A;
/** Doc. */
function f($a) { return $a; }
class B { public function m() {} }
""",
        [("", "f", "Doc."), ("B", "m", "")],
    ),
    ".rb": (
        """# Doc.
def f(a)
  a
end
module M
  class C
    def m; end
    def self.s
    end
  end
end
""",
        [("", "f", "Doc."), ("M.C", "m", ""), ("M.C", "s", "")],
    ),
}


@pytest.mark.parametrize("suffix", PROGRAMS)
def test_functions_their_owners_and_the_comments_above(suffix):
    program, expected = PROGRAMS[suffix]
    found = list(functions(program, suffix) or ())
    assert [(function.owner, function.name, function.docstring) for function in found] == expected
    assert not any(function.broken for function in found)


def test_code_is_the_whole_declaration_with_its_annotations():
    rust, _ = PROGRAMS[".rs"]
    first = next(iter(functions(rust, ".rs")))
    assert (first.code, first.line) == ("#[inline]\npub fn f(x: i32) -> i32 { x }", 2)
    cpp = next(iter(functions(PROGRAMS[".cpp"][0], ".cpp")))
    assert cpp.code.startswith("template <typename T> T f")
    ruby = list(functions(PROGRAMS[".rb"][0], ".rb"))[2]
    assert ruby.code == "def self.s\nend"


@pytest.mark.parametrize("suffix", PROGRAMS)
@pytest.mark.parametrize("junk", ["", "\x00\x01", "}}}} {{{{ ((((", "é" * 50, "def class func fn <<<< \n"])
def test_junk_gives_nothing_whole_and_no_crash(suffix, junk):
    assert all(function.broken for function in functions(junk, suffix) or ())


def test_a_folder_of_many_languages_is_read_with_methods_only_where_there_is_no_other_way(tmp_path):
    for suffix, (program, _) in PROGRAMS.items():
        (tmp_path / f"a{suffix}").write_text(program)
    (tmp_path / "a.h").write_text("namespace n { inline int in_header() { return 1; } }\n")
    (tmp_path / "b.go").write_text("package p\nfunc Good() {}\nfunc Bad( {}\n")
    languages = ["javascript", "typescript", "java", "go", "c", "cpp", "csharp", "rust", "php", "ruby"]
    kept, drops = apart(Folder(path=str(tmp_path), languages=languages).source(context("raw")))
    by_language = {name: {row.meta["name"] for row in kept if row.language == name} for name in languages}
    assert by_language["java"] == {"A.m", "A.A", "A.B.k"}
    assert by_language["cpp"] == {"f", "in_header"}
    assert by_language["ruby"] == {"f"}
    assert by_language["go"] >= {"F", "Good"}
    assert {drop.reason for drop in drops} == {"function does not parse"}


@pytest.mark.parametrize(
    ("name", "suffix"), [("js", ".js"), ("java", ".java"), ("go", ".go"), ("cpp", ".cpp"), ("rust", ".rs")]
)
def test_every_real_solution_gives_its_functions_whole(name, suffix):
    path = real_data(f"humanevalpack/humanevalpack-{name}.jsonl.gz")
    problems = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    whole = 0
    for problem in problems:
        found = list(functions(problem["declaration"] + problem["canonical_solution"], suffix) or ())
        assert found, problem["task_id"]
        whole += not any(function.broken for function in found)
    assert whole >= 160  # of 164: C++ without its headers is ambiguous in places
