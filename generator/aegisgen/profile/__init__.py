"""The user's input: types, files, and the complete record they resolve to."""
