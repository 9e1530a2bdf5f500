"""What is said: verdicts, reasons, reports, and counterexamples as a person reads them."""
