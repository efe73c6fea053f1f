"""What is given: wind, turbine types, areas."""
