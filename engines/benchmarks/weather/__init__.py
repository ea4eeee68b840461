"""Bad weather on purpose: what every way of fusing is worth when one sensor fails."""
