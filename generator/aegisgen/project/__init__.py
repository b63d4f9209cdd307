"""A project on disk: its files, its tree, drift, writing; parts of it for fleets."""
