"""The recipe of a training: settings, augmentation and losses."""
