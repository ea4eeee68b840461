"""Trainable encoders and gates."""
