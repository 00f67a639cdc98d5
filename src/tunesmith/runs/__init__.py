"""A run of a recipe: its steps, its folder, what must run again, what became of every row."""
