"""The linear rule: what it is the optimum of, and in which orders it is monotone."""
