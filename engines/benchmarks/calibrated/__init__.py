"""Whether the scores of a model mean what they say; used by engines.benchmarks.calibration."""
