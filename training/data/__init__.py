"""Windows of sessions."""
