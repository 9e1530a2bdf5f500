"""The base of the errors that a caller of this package may meet."""


class TokenauctionError(Exception):
    """Something of the caller's cannot be used as it is; the message says what, and a way out."""
