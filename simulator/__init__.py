"""A simulated typist with two forearms: text → key presses → the sEMG of two wristbands. Pure, the same by seed."""
