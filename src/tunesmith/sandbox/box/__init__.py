"""What runs in a worker: standard library only, small, started by fresh interpreters.

Nothing here imports the rest of tunesmith. A worker is ``python -S -s -P -c BOOT folder``, where ``BOOT``
makes this folder the package ``box``; so a worker starts in a few tens of milliseconds and knows nothing
of the caller: no memory, no environment, no secrets.
"""

BOOT = (
    "import os;r=os.register_at_fork;os.register_at_fork=lambda **k:None;import random;os.register_at_fork=r;"
    "import sys,types;m=types.ModuleType('box');m.__path__=[sys.argv[1]];sys.modules['box']=m;"
    "from box import supervisor;supervisor.main(sys.argv[2:])"
)
"""Source for ``python -c``: arguments are this folder, then those of ``supervisor.main``.

``random`` is imported without its hook that draws a new seed after every fork: programs start from a
fixed seed, so that a verdict can be repeated."""
