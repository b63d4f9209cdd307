"""What Argo CD and the controllers do with resources, as far as a rehearsal needs it."""
