"""The wearer's keyboard: its keys are the truth of a recording."""
