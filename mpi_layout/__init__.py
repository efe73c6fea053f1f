"""Databases of optimised wind farm layouts, computed by MPI ranks into one HDF5 file."""
