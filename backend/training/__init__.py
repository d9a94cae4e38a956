"""Data, training and packing of the embedded prior. Never imported when props are generated."""
