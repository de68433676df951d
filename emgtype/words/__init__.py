"""Sentences decoded at word level by pyctcdecode: its language models, and a process of its own."""
