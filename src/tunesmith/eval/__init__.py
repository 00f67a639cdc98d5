"""The command `tunesmith eval`: score a model, an endpoint or a file of samples."""
