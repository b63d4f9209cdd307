"""Running what was rendered: the containers of a composed overlay as processes, on a real PostgreSQL, with faults."""
