"""From what a user names to rules, mechanisms and properties."""
