"""A resolved record in, the text of every file out."""
