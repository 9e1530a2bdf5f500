"""Reports: the results of the checker in the formats that other tools read."""
