"""From sensor frames to encoder inputs: the one implementation, used at run time and in training."""
