"""Second price without valuations: what it is, and that it keeps its promises."""
