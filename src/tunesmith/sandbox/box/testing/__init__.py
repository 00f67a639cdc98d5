"""Python tests: which may run in the judge, which need a process of their own, and running them."""
