"""The steps of the pipeline around the migration: a module a step, with the types of its fields."""
