"""A synthetic typist and a forearm: text to key timeline to two wristbands of sEMG. Pure and deterministic by seed."""
