"""Experiments on auctions that run: bids swept and drawn, and orders watched on real runs."""
