"""What the operating system offers to confine a program: namespaces, seccomp, Landlock, limits."""
