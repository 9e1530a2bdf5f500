"""Samplings under which a raise changes the token only in the favour of the bidder."""
