"""What a rehearsal does with its database, besides running it."""
