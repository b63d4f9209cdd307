"""The steps of the pipeline around the migration: a module a feature, each with its types and what they exclude."""
