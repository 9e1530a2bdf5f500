"""The command line: what the user types becomes questions and runs, and those become words."""
