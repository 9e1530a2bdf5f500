"""Every theorem of the library, in the order in which they are best read."""
