"""From a rule and a property to a verdict, and the words that explain it."""
