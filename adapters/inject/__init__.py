"""Virtual key presses in the user's windows."""
