"""Steps that add or change text."""
