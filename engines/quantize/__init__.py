"""FP32 encoders to explicit INT8: running histograms, ranges, Q/DQ graphs, and what they lose."""
