DECLARE
    longest CONSTANT integer := 1048576;
    skew CONSTANT bigint := 2500000;
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
    moment text;
    spelt text;
    follows text;
    told_at bigint;
    bare text;
    fact jsonb;
    facts bytea[] := '{}';
    told jsonb[] := '{}';
    times bigint[] := '{}';
    hashes text[] := '{}';
    first bigint;
    done bigint;
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
    first := last_index + 1;
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
        BEGIN
            told_at := extract(epoch FROM moment::timestamptz) * 1000000;
            -- Written in one way alone: times are compared as they are written, and not everybody reads 24:00 or :60.
            spelt := to_char(moment::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
        EXCEPTION WHEN data_exception THEN
            spelt := NULL;
        END;
        IF replace(spelt, '.000000', '') || '+00:00' IS DISTINCT FROM moment THEN
            RAISE EXCEPTION 'entry % has a time that is none, or is not written as times are', last_index + 1
                USING ERRCODE = 'JIT01';
        END IF;
        IF told_at < last_at THEN
            RAISE EXCEPTION 'entry % is dated before the one before it', last_index + 1 USING ERRCODE = 'JIT01';
        END IF;
        IF hardened THEN
            now_here := extract(epoch FROM clock_timestamp()) * 1000000;
            -- No later than the last: where this clock was set back the record goes on.
            IF told_at < now_here - skew OR told_at > greatest(now_here + skew, last_at) THEN
                RAISE EXCEPTION 'entry % is dated % s from this database''s clock; set the clocks right (NTP)',
                    last_index + 1, round(abs(told_at - now_here) / 1000000.0, 1) USING ERRCODE = 'JIT01';
            END IF;
        END IF;
        last_index := last_index + 1;
        last_hash := encode(sha256(body), 'hex');
        last_at := told_at;
        facts := array_append(facts, substring(body FROM octet_length(begins) + 1 FOR octet_length(bare)));
        times := array_append(times, told_at);
        hashes := array_append(hashes, last_hash);
    END LOOP;
{facts}
    INSERT INTO {schema}.entries (index, id, recorded_at, kind, request_id, body, hash)
        SELECT first - 1 + e.nth, e.fact ->> 'id', e.recorded_at, e.fact ->> 'kind', e.fact ->> 'request_id', e.body,
                e.hash
            FROM unnest(told, times, bodies, hashes) WITH ORDINALITY AS e (fact, recorded_at, body, hash, nth)
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> cardinality(facts) THEN
        RAISE EXCEPTION 'a fact of these is recorded already' USING ERRCODE = 'JIT03';
    END IF;
    RETURN last_index;
END
