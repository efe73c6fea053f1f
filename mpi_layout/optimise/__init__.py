"""How a layout is found."""
