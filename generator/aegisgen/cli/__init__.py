"""The command line: arguments in, exit code out, and the one place where errors end."""
