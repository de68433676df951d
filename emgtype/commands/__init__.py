"""One module per command, named NAME_command, each with a click command called `command`."""
