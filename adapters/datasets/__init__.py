"""Many sessions: data sets, splits, and other file formats."""
