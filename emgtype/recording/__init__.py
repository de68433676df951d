"""Signal kept as files: session files, prompts, flights; and session files played as live streams."""
