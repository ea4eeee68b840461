"""The learned gate: NumPy specification and fast paths with one signature."""
