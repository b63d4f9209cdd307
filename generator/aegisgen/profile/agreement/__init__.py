"""What follows from the fields of a resolved service, and what they need and exclude: a module a step."""
