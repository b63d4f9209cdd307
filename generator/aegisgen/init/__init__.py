"""A first project: clues from a repository, answers to a few questions, files that render and check clean at once."""
