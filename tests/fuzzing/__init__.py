"""Random programs, traced and run on NumPy: both have to give the same, or the trace refuses."""
