"""Key presses through the kernel's uinput."""
