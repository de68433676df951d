"""Emissions to text: character set, CTC prefix beam, KenLM prefix scorer, greedy, commit rule. Pure: no I/O."""
