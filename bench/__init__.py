"""Measurements against nginx."""
