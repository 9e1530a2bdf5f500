"""The incentive properties: when they hold together, and which readings imply which."""
