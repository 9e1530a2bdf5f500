"""The paper's theorems and the project's own, each in a file that proves it."""
