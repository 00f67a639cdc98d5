"""What is linked to a program in machine code: a ``main`` around its own, which speaks the last word.

It is compiled after the program was, so that no source can include or embed it, and its word stands in
its instructions only. The linker lets it stand in for ``main``: the program's own cannot reach it by
name. It calls the kernel directly, since the program may have put its own functions in the place of
the library's.
"""

from __future__ import annotations

import os
import struct

from . import FAILED

_INTEL = 'asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory")'
_ARM = (
    'register long x8 asm("x8") = n, x0 asm("x0") = a, x1 asm("x1") = b, x2 asm("x2") = c; '
    'asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory"); r = x0'
)
_CALLS = {"x86_64": (1, 231, _INTEL), "aarch64": (64, 94, _ARM)}
"""Numbers of ``write`` and ``exit_group``, and how to call the kernel."""
FLAGS = ["-O1", "-w", "-fno-builtin", "-fno-stack-protector", "-fno-tree-loop-distribute-patterns"]
WRAP = ["-Wl,--wrap=main"]
"""For the compiler and the linker."""


def last_word(word: bytes, ended: str = "", failed: str = "failed") -> str:
    """C that also compiles as C++: what is said after the tests, or when ``assert`` fails.

    failed: the function that ``assert`` calls, by a name that no program knows.

    ended: a function that must have been called before; for languages where a program can have a second
    ``main``.
    """
    write, leave, call = _CALLS[os.uname().machine]
    first, second = struct.unpack("<QQ", word)
    return f"""
#ifdef __cplusplus
extern "C" {{
#endif
int __real_main(int, char **, char **);
static inline __attribute__((always_inline)) long kernel(long n, long a, long b, long c) {{
  long r;
  {call};
  return r;
}}
static inline __attribute__((always_inline)) void print(const char *text) {{
  const char *end = text;
  while (*end) end++;
  kernel({write}, 2, (long)text, end - text);
}}
static volatile int ended = {int(not ended)};
{f"void {ended}(void) {{ ended = 1; }}" if ended else ""}
int __wrap_main(int argc, char **argv, char **environment) {{
  int code = __real_main(argc, argv, environment);
  if (code == 0 && ended) {{
    volatile unsigned long long word[2];
    word[0] = {first:#x}ULL;
    word[1] = {second:#x}ULL;
    kernel({write}, 3, (long)word, 16);
  }}
  return code;
}}
void {failed}(const char *what, const char *file, unsigned line, const char *function) {{
  char digits[12], *number = digits + 11;
  *number = 0;
  do *--number = '0' + line % 10; while (line /= 10);
  print(file); print(":"); print(number); print(": "); print(function);
  print(": Assertion `"); print(what); print("' failed.\\n");
  kernel({write}, 3, (long)"{FAILED.decode()}", {len(FAILED)});
  for (;;) kernel({leave}, 134, 0, 0);
}}
#ifdef __cplusplus
}}
#endif
"""
