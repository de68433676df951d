"""A real keyboard listened to: the truth of recordings."""
