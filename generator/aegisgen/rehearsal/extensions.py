"""What is known of PostgreSQL's extensions: what belongs to which, and where to get one that is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_CONTRIB = """
amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance file_fdw fuzzystrmatch
hstore insert_username intagg intarray isn lo ltree moddatetime pageinspect pg_buffercache pg_freespacemap
pg_logicalinspect pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks
pgstattuple postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp xml2
"""
CONTRIB = frozenset(_CONTRIB.split())
"""Those of PostgreSQL's own source, which packagers may put into a package of their own (appendix F of its manual)."""

# Debian's packages of the others that migrations often ask for; {major} is PostgreSQL's.
_PACKAGES = {
    "postgis": "postgresql-{major}-postgis-3",
    "postgis_topology": "postgresql-{major}-postgis-3",
    "postgis_raster": "postgresql-{major}-postgis-3",
    "vector": "postgresql-{major}-pgvector",
    "pg_cron": "postgresql-{major}-cron",
    "pg_partman": "postgresql-{major}-partman",
    "pgaudit": "postgresql-{major}-pgaudit",
    "pgrouting": "postgresql-{major}-pgrouting",
    "pg_repack": "postgresql-{major}-repack",
    "hypopg": "postgresql-{major}-hypopg",
    "plpython3u": "postgresql-plpython3-{major}",
    "plperl": "postgresql-plperl-{major}",
    "plperlu": "postgresql-plperl-{major}",
}

# Types, functions and operator classes by which an extension shows that it is needed.
_SIGNS = (
    ("uuid-ossp", r"uuid_generate_v\w+|uuid_ns_\w+|uuid_nil"),
    ("pgcrypto", r"gen_salt|crypt|digest|hmac|gen_random_bytes|pgp_\w+|armor|dearmor|encrypt(_iv)?|decrypt(_iv)?"),
    ("citext", r"citext"),
    ("hstore", r"hstore"),
    ("ltree", r"ltree|lquery|ltxtquery|gist_ltree_ops|text2ltree|nlevel"),
    ("pg_trgm", r"g(in|ist)_trgm_ops|(strict_|)word_similarity|similarity|show_trgm"),
    ("unaccent", r"unaccent"),
    ("tablefunc", r"crosstab\w*|normal_rand|connectby"),
    ("cube", r"cube"),
    ("earthdistance", r"earth|ll_to_earth|earth_box|earth_distance"),
    ("fuzzystrmatch", r"levenshtein\w*|soundex|(d|)metaphone\w*"),
    ("intarray", r"gin__int_ops|gist__int\w*_ops|query_int"),
    ("vector", r"vector|halfvec|sparsevec|(vector|halfvec)_\w+_ops"),
    ("postgis", r"geometry|geography|box2d|box3d|raster|st_\w+"),
)


def extension_of(name: str) -> str:
    """Return the extension that a type, function or operator class is known to belong to; empty for none."""
    plain = name.rpartition(".")[2].strip('"').lower()
    return next((extension for extension, pattern in _SIGNS if re.fullmatch(pattern, plain)), "")


def where_to_get(name: str, major: int, elsewhere: Mapping[str, Sequence[str]]) -> str:
    """Say how a rehearsal comes by an extension that its PostgreSQL has not got.

    `elsewhere`: for each extension, the installations on this machine that have it, each with the option that chooses
    it, in the order in which they should be preferred.
    """
    if places := elsewhere.get(name):
        return f"{places[0]} has it"
    choose = f"choose that PostgreSQL with --postgres-version {major}"
    if name in CONTRIB:
        way = (
            f"install a PostgreSQL with its contrib modules (Debian: apt-get install postgresql-{major}; Red Hat: dnf "
            f"install postgresql-server postgresql-contrib; macOS: brew install postgresql@{major}) and {choose}"
        )
    elif package := _PACKAGES.get(name):
        way = f"install it (Debian: apt-get install {package.format(major=major)}) and {choose}"
    else:
        way = "install it for a PostgreSQL of this machine and choose that with --postgres-bin DIR"
    return f"{way}, or rehearse on a server that has it: --database-url URL"
