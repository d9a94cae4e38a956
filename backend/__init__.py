"""Propsmith's headless backend: a prompt goes in, a PBR prop comes out."""

__version__ = "0.1.0"
