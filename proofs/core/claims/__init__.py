"""TRUSTED CORE. Claims: a property of one rule, mechanism or pair of rules as a formula."""
