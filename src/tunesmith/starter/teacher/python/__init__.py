"""What rules can say of Python code, and the changes they can make to it. Nothing is run."""
