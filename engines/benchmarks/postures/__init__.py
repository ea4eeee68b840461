"""Falls and postures: what the set says of every frame, what a pose network sees of a person."""
