"""Emissions to text: CTC prefix beam and greedy search, language models, the commit rule, error rates. Pure: no I/O."""
