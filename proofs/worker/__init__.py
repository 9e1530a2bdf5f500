"""What runs in the child process: a user's files, and what is decided of them."""
