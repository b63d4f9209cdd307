-- The interface of PostgreSQL's uuid-ossp 1.1, in SQL: the algorithms are those of RFC 9562 (and of RFC 4122 before it).
-- Nothing here names another function of this extension by its schema, so that the extension stays relocatable.

CREATE FUNCTION uuid_nil() RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '00000000-0000-0000-0000-000000000000'::uuid;

-- Name spaces: RFC 9562, section 6.6.
CREATE FUNCTION uuid_ns_dns() RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid;

CREATE FUNCTION uuid_ns_url() RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid;

CREATE FUNCTION uuid_ns_oid() RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid;

CREATE FUNCTION uuid_ns_x500() RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid;

-- Time in steps of 100 ns since 1582-10-15, and a random node whose multicast bit says so (section 6.10).
CREATE FUNCTION uuid_generate_v1mc() RETURNS uuid
LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE
AS $$
DECLARE
  -- PostgreSQL's clock has microseconds; the last digit and the clock sequence are random.
  ticks bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 10
    + floor(random() * 10)::bigint + 122192928000000000;
  random_bytes bytea := uuid_send(gen_random_uuid());
  node text := encode(set_byte(substring(random_bytes FROM 1 FOR 6), 0, get_byte(random_bytes, 0) | 1), 'hex');
  sequence integer := (get_byte(random_bytes, 9) << 8 | get_byte(random_bytes, 10)) & 16383 | 32768;
BEGIN
  RETURN (
    lpad(to_hex(ticks & 4294967295), 8, '0')
    || lpad(to_hex((ticks >> 32) & 65535), 4, '0')
    || to_hex((ticks >> 48) & 4095 | 4096)
    || to_hex(sequence)
    || node
  )::uuid;
END
$$;

-- The module's v1 has the machine's network address as its node, which SQL cannot ask for.
CREATE FUNCTION uuid_generate_v1() RETURNS uuid
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
RETURN uuid_generate_v1mc();

-- MD5 of name space and name (section 5.3).
CREATE FUNCTION uuid_generate_v3(namespace uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  digest bytea := decode(md5(uuid_send(namespace) || convert_to(name, 'UTF8')), 'hex');
BEGIN
  digest := set_byte(digest, 6, get_byte(digest, 6) & 15 | 48);
  digest := set_byte(digest, 8, get_byte(digest, 8) & 63 | 128);
  RETURN encode(digest, 'hex')::uuid;
END
$$;

CREATE FUNCTION uuid_generate_v4() RETURNS uuid
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
RETURN gen_random_uuid();

-- SHA-1 of name space and name (section 5.5). PostgreSQL has no SHA-1 outside pgcrypto, so here it is (FIPS 180-4, 6.1);
-- words are bigint, cut to 32 bits where they can grow. All bit operators bind alike, from the left.
CREATE FUNCTION uuid_generate_v5(namespace uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  mask CONSTANT bigint := 4294967295;
  message bytea := uuid_send(namespace) || convert_to(name, 'UTF8');
  bits bigint := length(message)::bigint * 8;
  h0 bigint := 1732584193;
  h1 bigint := 4023233417;
  h2 bigint := 2562383102;
  h3 bigint := 271733878;
  h4 bigint := 3285377520;
  a bigint; b bigint; c bigint; d bigint; e bigint;
  f bigint; k bigint; next bigint;
  w bigint[];
  block integer;
  i integer;
  digest bytea;
BEGIN
  message := message || '\x80'::bytea;
  message := message || decode(repeat('00', (120 - length(message) % 64) % 64), 'hex') || int8send(bits);
  FOR block IN 0 .. length(message) / 64 - 1 LOOP
    w := array_fill(0::bigint, ARRAY[80]);
    FOR i IN 0 .. 15 LOOP
      w[i + 1] := (get_byte(message, block * 64 + i * 4)::bigint << 24)
        | (get_byte(message, block * 64 + i * 4 + 1) << 16)
        | (get_byte(message, block * 64 + i * 4 + 2) << 8)
        | get_byte(message, block * 64 + i * 4 + 3);
    END LOOP;
    FOR i IN 17 .. 80 LOOP
      next := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
      w[i] := ((next << 1) & mask) | (next >> 31);
    END LOOP;
    a := h0; b := h1; c := h2; d := h3; e := h4;
    FOR i IN 1 .. 80 LOOP
      IF i <= 20 THEN
        f := d # (b & (c # d)); k := 1518500249;
      ELSIF i <= 40 THEN
        f := b # c # d; k := 1859775393;
      ELSIF i <= 60 THEN
        f := (b & c) | (d & (b | c)); k := 2400959708;
      ELSE
        f := b # c # d; k := 3395469782;
      END IF;
      next := ((((a << 5) & mask) | (a >> 27)) + f + e + k + w[i]) & mask;
      e := d; d := c; c := ((b << 30) & mask) | (b >> 2); b := a; a := next;
    END LOOP;
    h0 := (h0 + a) & mask; h1 := (h1 + b) & mask; h2 := (h2 + c) & mask; h3 := (h3 + d) & mask; h4 := (h4 + e) & mask;
  END LOOP;
  digest := substring(int8send(h0) FROM 5) || substring(int8send(h1) FROM 5) || substring(int8send(h2) FROM 5)
    || substring(int8send(h3) FROM 5);
  digest := set_byte(digest, 6, get_byte(digest, 6) & 15 | 80);
  digest := set_byte(digest, 8, get_byte(digest, 8) & 63 | 128);
  RETURN encode(digest, 'hex')::uuid;
END
$$;
