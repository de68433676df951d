"""Sentences at word level: pyctcdecode, its language models, and a process for them."""
