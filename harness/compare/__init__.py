"""The comparison kernel: aligned columns in, counts out. Pure: numpy alone, no I/O, no pytest, no pandas."""
