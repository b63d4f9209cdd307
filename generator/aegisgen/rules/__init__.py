"""What no schema finds; a module a family."""
