"""The compiled kernel and its thin binding."""
