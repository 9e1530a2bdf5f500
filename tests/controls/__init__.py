"""Nearby false statements, by the theorem that they are near to."""
