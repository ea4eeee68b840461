"""Events on their way to the hub: stored first, sent second, removed on acknowledgement."""
