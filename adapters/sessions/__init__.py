"""Session files: the HDF5 format, its reader, writer, journal and checks."""
