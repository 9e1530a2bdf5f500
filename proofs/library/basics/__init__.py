"""Sums, logarithms, total variation and other textbook matter that the theorems rest on."""
