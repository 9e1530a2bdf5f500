"""TRUSTED CORE. A run of a rule on symbolic arrays, in lockstep with NumPy's own."""
