"""One module per command, with the command's name and a click command called `command`."""
