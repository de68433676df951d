"""Files inside a model bundle."""
