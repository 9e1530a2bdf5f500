"""The paper's claims as reconstructed, and the project's own theorems, each proved in its file."""
