"""Parts of a project: which services have to do with each other, which are a shard's, which a change can affect."""
