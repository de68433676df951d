"""Files of any kind: private ones, arrays, room on the disk."""
