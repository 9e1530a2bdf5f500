"""The exit statuses of the commands. It imports nothing, and so is loaded at once."""

PROVED, REFUTED, UNUSABLE, UNKNOWN = 0, 1, 2, 3
INTERRUPTED = 130
