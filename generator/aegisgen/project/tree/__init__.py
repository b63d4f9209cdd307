"""Comparing the tree (`content`) and writing it (`write`, which says what it guarantees)."""
