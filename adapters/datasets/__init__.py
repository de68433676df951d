"""Many sessions: data sets, splits, and the formats of others."""
