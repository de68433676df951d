"""Watches the signal for faults all the time: of electrodes, of the stream, and of how the bands sit."""
