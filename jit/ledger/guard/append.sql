DECLARE
    longest CONSTANT integer := 1048576;
    skew CONSTANT bigint := 2500000;
    -- As our writers write a text: nothing is escaped that need not be.
    a_text CONSTANT text := '"(?:[^"\\]|\\["\\bfnrt]|\\u00(?:0[0-7bef]|1[0-9a-f]))*"';
    a_place CONSTANT text := '^\{"index": ([1-9][0-9]{0,17}), "recorded_at": "[^"]*", "previous": "([^"]*)", "fact": ';
    hardened boolean;
    last_index bigint;
    last_hash text;
    last_at bigint;
    now_here bigint;
    body bytea;
    said text;
    begins text;
    place text[];
    told_index bigint;
    moment text;
    spelt text;
    follows text;
    told_at bigint;
    bare text;
    spaces bigint;
    must text[];
    may text[];
    -- Of each field, where a fact has it.
    are CONSTANT jsonpath := '
                {are}'::jsonpath;
    wrong text;
    fact jsonb;
    fact_kind text;
BEGIN
    PERFORM pg_advisory_xact_lock(6973812);
    hardened := EXISTS (SELECT FROM {schema}.may_write);
    SELECT e.index, e.hash, e.recorded_at INTO last_index, last_hash, last_at
        FROM {schema}.entries AS e ORDER BY e.index DESC LIMIT 1;
    IF last_index IS NULL THEN
        last_index := 0;
        last_hash := repeat('0', 64);
        last_at := 0;
    END IF;
    IF bodies IS NULL OR array_ndims(bodies) IS DISTINCT FROM 1 THEN
        RAISE EXCEPTION 'entries are given as one list' USING ERRCODE = 'JIT01';
    END IF;
    FOREACH body IN ARRAY bodies LOOP
        IF body IS NULL OR octet_length(body) NOT BETWEEN 1 AND longest THEN
            RAISE EXCEPTION 'an entry has between 1 and % bytes', longest USING ERRCODE = 'JIT01';
        END IF;
        IF position('\x0a'::bytea IN body) > 0 OR position('\x0d'::bytea IN body) > 0 THEN
            RAISE EXCEPTION 'an entry is one line' USING ERRCODE = 'JIT01';
        END IF;
        -- jsonb takes no NUL. Here it only says what stands where; what is kept is the body as it came.
        BEGIN
            said := replace(convert_from(body, 'UTF8'), '\u0000', '\u0001');
        EXCEPTION WHEN data_exception THEN
            RAISE EXCEPTION 'an entry is JSON in UTF-8' USING ERRCODE = 'JIT01';
        END;
        -- What comes before the fact is known but for the moment.
        begins := '{"index": ' || last_index + 1 || ', "recorded_at": "';
        follows := '", "previous": "' || last_hash || '", "fact": ';
        told_index := last_index + 1;
        moment := split_part(substr(said, length(begins) + 1, 40), '"', 1);
        begins := begins || moment || follows;
        bare := left(substr(said, length(begins) + 1), -1);
        place := CASE WHEN NOT starts_with(said, begins) THEN regexp_match(left(said, 300), a_place) END;
        IF place[1]::numeric <> last_index + 1 THEN
            RAISE EXCEPTION 'entry % is not the next: the last is %', place[1], last_index USING ERRCODE = 'JIT01';
        ELSIF place[2] <> last_hash THEN
            RAISE EXCEPTION 'entry % does not follow the one before it', place[1] USING ERRCODE = 'JIT01';
        END IF;
        BEGIN
            fact := bare::jsonb;
        EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
            fact := NULL;
            BEGIN
                PERFORM (said::json -> 'fact')::jsonb;
            EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
                RAISE EXCEPTION 'an entry is JSON in UTF-8' USING ERRCODE = 'JIT01';
            END;
        END;
        IF fact IS NULL OR NOT starts_with(said, begins || '{"') OR right(said, 1) <> '}' THEN
            RAISE EXCEPTION 'an entry has index, recorded_at, previous and fact, in this order, and no key twice'
                USING ERRCODE = 'JIT01';
        END IF;
        -- Of a name that stands twice, however far within, jsonb keeps one, and is shorter by it; so it is by each
        -- blank between parts, and by an escape that need not be. Longer than it was written it is of numbers alone.
        SELECT sum(CASE jsonb_typeof(part)
            WHEN 'object' THEN greatest(2 * (SELECT count(*) FROM jsonb_object_keys(part)) - 1, 0)
            ELSE greatest(jsonb_array_length(part) - 1, 0)
        END) INTO spaces
            FROM jsonb_path_query(fact, 'strict $.** ? (@.type() == "object" || @.type() == "array")') AS part;
        IF length(fact::text) - spaces <> length(bare)
            OR fact @? 'strict $.**{16 to last}'
            OR (position('\' IN bare) > 0 OR fact @? 'strict $.** ? (@.type() == "number")')
                AND regexp_replace(bare, a_text, '""', 'g') ~ '[ \t\\.]|[0-9]([eE]|[0-9]{15})'
        THEN
            RAISE EXCEPTION 'entry % holds a fact that is not written as facts are: no blanks between its parts, no '
                'escapes that need not be, no name twice, whole numbers, and no more than 15 levels', told_index
                USING ERRCODE = 'JIT01';
        END IF;
        BEGIN
            told_at := extract(epoch FROM moment::timestamptz) * 1000000;
            -- Written in one way alone: times are compared as they are written, and not everybody reads 24:00 or :60.
            spelt := to_char(moment::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
        EXCEPTION WHEN data_exception THEN
            spelt := NULL;
        END;
        IF replace(spelt, '.000000', '') || '+00:00' IS DISTINCT FROM moment THEN
            RAISE EXCEPTION 'entry % has a time that is none, or is not written as times are', told_index
                USING ERRCODE = 'JIT01';
        END IF;
        IF told_at < last_at THEN
            RAISE EXCEPTION 'entry % is dated before the one before it', told_index USING ERRCODE = 'JIT01';
        END IF;
        IF hardened THEN
            now_here := extract(epoch FROM clock_timestamp()) * 1000000;
            -- No later than the last: where this clock was set back the record goes on.
            IF told_at < now_here - skew OR told_at > greatest(now_here + skew, last_at) THEN
                RAISE EXCEPTION 'entry % is dated % s from this database''s clock; set the clocks right (NTP)',
                    told_index, round(abs(told_at - now_here) / 1000000.0, 1) USING ERRCODE = 'JIT01';
            END IF;
        END IF;
        fact_kind := fact ->> 'kind';
        IF coalesce(jsonb_typeof(fact -> 'kind'), '') <> 'string' OR octet_length(fact_kind) NOT BETWEEN 1 AND 32
            OR coalesce(fact ->> 'id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            OR coalesce(jsonb_typeof(fact -> 'request_id'), 'null') NOT IN ('string', 'null')
            OR fact ->> 'request_id' !~ '^[!-~]{1,16}$'
            OR NOT fact ?& ARRAY['at', 'actor', 'source']
        THEN
            RAISE EXCEPTION 'entry % holds no fact: id, kind, at, actor and source', told_index USING ERRCODE = 'JIT01';
        END IF;
        IF hardened AND NOT EXISTS (
            SELECT FROM {schema}.may_write AS m WHERE m.login = session_user::text AND m.kind = fact_kind
        ) THEN
            RAISE EXCEPTION 'the login % may not record %', session_user, fact_kind USING ERRCODE = 'JIT02';
        END IF;
        must := CASE fact_kind{must}
        END;
        may := CASE fact_kind{may}
        END;
        IF must IS NULL THEN
            RAISE EXCEPTION 'entry % is of no kind that is known here: %', told_index, fact_kind USING ERRCODE = 'JIT01';
        END IF;
        IF NOT fact ?& must THEN
            SELECT string_agg(f, ', ') INTO wrong FROM unnest(must) AS f WHERE NOT fact ? f;
            RAISE EXCEPTION 'entry % is % and lacks %', told_index, fact_kind, wrong USING ERRCODE = 'JIT01';
        END IF;
        IF 'request_id' = ANY (must) AND jsonb_typeof(fact -> 'request_id') <> 'string' THEN
            RAISE EXCEPTION 'entry % says of no request that it is %', told_index, fact_kind USING ERRCODE = 'JIT01';
        END IF;
        IF fact - must - may <> '{}' THEN
            SELECT string_agg(f, ', ') INTO wrong FROM jsonb_object_keys(fact - must - may) AS f;
            RAISE EXCEPTION 'entry % is % and has what that has not: %', told_index, fact_kind, left(wrong, 100)
                USING ERRCODE = 'JIT01';
        END IF;
        IF (fact @@ are) IS NOT TRUE THEN
            SELECT string_agg(f, ', ') INTO wrong FROM jsonb_object_keys(fact) AS f
                WHERE (jsonb_build_object('kind', fact_kind, f, fact -> f) @@ are) IS NOT TRUE;
            RAISE EXCEPTION 'entry % is % and has values that are none of it: %', told_index, fact_kind, wrong
                USING ERRCODE = 'JIT01';
        END IF;
        IF fact_kind = 'person.erased' AND coalesce(fact ->> 'key', '') !~ '^[0-9a-f]{32}$' THEN
            RAISE EXCEPTION 'entry % names no key', told_index USING ERRCODE = 'JIT01';
        END IF;
        last_index := last_index + 1;
        last_hash := encode(sha256(body), 'hex');
        last_at := told_at;
        INSERT INTO {schema}.entries (index, id, recorded_at, kind, request_id, body, hash)
            VALUES (last_index, fact ->> 'id', told_at, fact_kind, fact ->> 'request_id', body, last_hash)
            ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'entry % holds a fact that is recorded already', last_index USING ERRCODE = 'JIT03';
        END IF;
    END LOOP;
    RETURN last_index;
END
