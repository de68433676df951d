"""Key presses under X11."""
