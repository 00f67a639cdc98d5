"""The process that runs an untrusted program."""
