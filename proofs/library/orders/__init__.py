"""The preference orders: which implies which, and what they are of losses."""
