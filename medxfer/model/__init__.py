"""Colour → scores: networks from timm, their weights, and how they are trained."""
