"""Does the running release survive the new migrations, and do its users: queries, tables with rows, traffic, gates.

queries = read_queries(Path("queries.csv"))           # what production executes, from pg_stat_statements
tables = read_tables(Path("rows.csv"))                # how full production's tables are, from pg_class and pg_stats
gates = read_gates(["breaking", "lock:2@1000000"])    # what makes the rehearsal fail
study = Study(queries, tables)                        # once for a rehearsal; asked by the scenario `clean`
"""
