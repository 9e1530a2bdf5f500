"""TRUSTED CORE. Runs of a rule's own function on NumPy, and the profiles that are tried."""
