"""Scenarios: what goes wrong, and what must hold all the same."""
