"""Makes keys of emissions: greedily, or by a beam and the commit rule."""
