"""Settings, augmentation and losses."""
