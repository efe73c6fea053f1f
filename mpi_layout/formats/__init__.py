"""How others write down turbines, sites and farms: their files become plain values, and these our objects."""
