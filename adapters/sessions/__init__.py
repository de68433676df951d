"""Session files: the HDF5 format of emg2qwerty, its reader, writer, journal and checks."""
