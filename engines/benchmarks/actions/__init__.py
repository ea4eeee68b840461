"""Depth actions: clips of one segmented person, and networks that see a whole clip in order."""
