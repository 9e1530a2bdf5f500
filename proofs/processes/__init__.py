"""The parent's side of the child processes in which a user's files run."""
