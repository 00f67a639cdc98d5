"""What `use:` names in a recipe: one file, one kind of model."""
