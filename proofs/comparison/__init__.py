"""Two definitions compared: are they one function, and which guarantees differ?"""
