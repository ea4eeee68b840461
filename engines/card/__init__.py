"""The model card: what somebody must know before trusting the weights."""
