"""Rendered rooms: scripted scenes with aligned RGB, depth, sound and ground truth."""
