"""The search for a profile at which a claim fails: it proposes, and `core.judging` judges."""
