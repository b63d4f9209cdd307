"""The steps around the migration, a module each: its types, and what types cannot say of it."""
