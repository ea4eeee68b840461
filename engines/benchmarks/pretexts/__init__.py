"""Pretext tasks: questions whose answers are in the recordings themselves, without labels."""
