"""The gate: what a project requires of its rules, what is locked, and what has changed."""
