"""Recipes: render, train, export, evaluate. Imports edge, never the other way round."""
