"""From sensor frames to encoder inputs: the one implementation, in training as at run time."""
