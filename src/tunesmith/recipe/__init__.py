"""Recipes: reading, checking, overriding, and the types they are read into."""
