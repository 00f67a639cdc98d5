"""What is linked to a program in machine code: a ``main`` around its own, which writes the completion token.

It is compiled once, with placeholders for the token and for one function's name; both are overwritten with
new random ones for every program. That happens after the program was compiled, so no source can embed the
token or call the function. The linker puts this ``main`` before the program's own (``--wrap``), which
cannot reach it by name. It calls the kernel directly, since a program may have replaced the library's
functions.
"""

from __future__ import annotations

import os

from . import FAILED

_INTEL = 'asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory")'
_ARM = (
    'register long x8 asm("x8") = n, x0 asm("x0") = a, x1 asm("x1") = b, x2 asm("x2") = c; '
    'asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory"); r = x0'
)
_CALLS = {"x86_64": (1, 231, _INTEL), "aarch64": (64, 94, _ARM)}
"""Numbers of ``write`` and ``exit_group``, and how to call the kernel."""

COMPILE = ("-O1", "-w", "-fno-builtin", "-fno-stack-protector", "-fPIC")
WRAP = ("-Wl,--wrap=main",)
"""For the compiler of the source below, and for the linker of a program."""
NAME = "f_" + "0" * 32
_TOKEN = b"the token's spot"


def source() -> str:
    """C with a function called NAME: what ``assert`` calls when it fails, or with ``ENDS`` defined what
    must be called at the end of the tests, for languages where a program can have a second ``main``."""
    write, leave, call = _CALLS[os.uname().machine]
    token = ", ".join(str(byte) for byte in _TOKEN)
    return f"""
int __real_main(int, char **, char **);
static const volatile unsigned char token[] = {{{token}}};
static inline __attribute__((always_inline)) long kernel(long n, long a, long b, long c) {{
  long r;
  {call};
  return r;
}}
#ifdef ENDS
static volatile int ended;
void {NAME}(void) {{ ended = 1; }}
#else
enum {{ ended = 1 }};
static inline __attribute__((always_inline)) void print(const char *text) {{
  const char *end = text;
  while (*end) end++;
  kernel({write}, 2, (long)text, end - text);
}}
void {NAME}(const char *what, const char *file, unsigned line, const char *function) {{
  char digits[12], *number = digits + 11;
  *number = 0;
  do *--number = '0' + line % 10; while (line /= 10);
  print(file); print(":"); print(number); print(": "); print(function);
  print(": Assertion `"); print(what); print("' failed.\\n");
  kernel({write}, 3, (long)"{FAILED.decode()}", {len(FAILED)});
  for (;;) kernel({leave}, 134, 0, 0);
}}
#endif
int __wrap_main(int argc, char **argv, char **environment) {{
  int code = __real_main(argc, argv, environment);
  if (code == 0 && ended) kernel({write}, 3, (long)token, {len(_TOKEN)});
  return code;
}}
"""


def patched(path: str, token: bytes, name: str) -> dict[str, str]:
    """The compiled object at ``path``, with this token and this name, as a file of an order."""
    with open(path, "rb") as file:
        made = file.read()
    for mark, new in ((_TOKEN, token), (NAME.encode(), name.encode())):
        if made.count(mark) != 1 or len(mark) != len(new):
            raise ValueError(f"{path} is not what was prepared")
        made = made.replace(mark, new)
    return {"hex": made.hex()}
