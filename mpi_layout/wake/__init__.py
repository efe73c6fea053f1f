"""What the wind does: wake models and the energy of a farm."""
