DECLARE
    longest CONSTANT integer := 1048576;
    -- Kinds of fact that are a step in the life of a request.
    steps CONSTANT text[] := ARRAY[{steps}];
    hardened boolean;
    told jsonb[] := '{}';
    last_hash text;
    moment text;
    body bytea;
    bodies bytea[] := '{}';
    hashes text[] := '{}';
    done bigint;
    tried integer := 0;
    drawn {schema}.requests;
BEGIN
    -- 1. Each fact by itself.
    IF facts IS NULL OR array_ndims(facts) IS DISTINCT FROM 1 THEN
        RAISE EXCEPTION 'facts are given as one list' USING ERRCODE = 'JIT01';
    END IF;
{facts}
    -- 2. Alone from here to the end of the transaction. Who stands in the queue of a lock is given it though asleep, and
    -- all others wait until that process is run: so it is tried first, and queued for after 16 times a millisecond.
    WHILE tried < 16 AND NOT pg_try_advisory_xact_lock(6973812) LOOP
        PERFORM pg_sleep(0.001);
        tried := tried + 1;
    END LOOP;
    IF tried = 16 THEN
        PERFORM pg_advisory_xact_lock(6973812);
    END IF;
    -- 3. What the facts rest on is still so.
    IF follows <> '{}' THEN
        IF EXISTS (
            SELECT FROM jsonb_each_text(follows) AS f WHERE f.value::bigint <> coalesce(
                (SELECT max(e.index) FROM {schema}.entries AS e WHERE e.request_id = f.key AND e.kind = ANY (steps)), 0)
        ) THEN
            RAISE EXCEPTION 'a request has changed meanwhile' USING ERRCODE = 'JIT05';
        END IF;
    END IF;
    IF keys <> '{}' THEN
        IF (SELECT count(*) FROM {schema}.person_keys AS k WHERE k.id = ANY (keys)) <> cardinality(keys) THEN
            RAISE EXCEPTION 'a key of a person is gone meanwhile' USING ERRCODE = 'JIT06';
        END IF;
    END IF;
    -- 4. Their place: behind the last, and not dated before it.
    SELECT e.index + 1, e.hash, e.recorded_at INTO first, previous, recorded_at
        FROM {schema}.entries AS e ORDER BY e.index DESC LIMIT 1;
    IF NOT FOUND THEN
        first := 1;
        previous := repeat('0', 64);
    END IF;
    recorded_at := greatest(recorded_at, 0, CASE WHEN hardened
        THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint ELSE at END);
    moment := replace(to_char((timestamptz 'epoch' + recorded_at * interval '1 microsecond') AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '') || '+00:00';
    -- 5. The entries, as `jit.ledger.entry` puts them together.
    last_hash := previous;
    FOREACH body IN ARRAY facts LOOP
        body := convert_to('{"index": ' || first + cardinality(bodies) || ', "recorded_at": "' || moment
            || '", "previous": "' || last_hash || '", "fact": ', 'UTF8') || body || '\x7d'::bytea;
        last_hash := encode(sha256(body), 'hex');
        bodies := array_append(bodies, body);
        hashes := array_append(hashes, last_hash);
    END LOOP;
    INSERT INTO {schema}.entries (index, id, recorded_at, kind, request_id, body, hash)
        SELECT first - 1 + e.nth, e.fact ->> 'id', recorded_at, e.fact ->> 'kind', e.fact ->> 'request_id', e.body,
                e.hash
            FROM unnest(told, bodies, hashes) WITH ORDINALITY AS e (fact, body, hash, nth)
            WHERE octet_length(e.body) <= longest
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> cardinality(facts) THEN
        IF (SELECT max(octet_length(b)) FROM unnest(bodies) AS b) > longest THEN
            RAISE EXCEPTION 'an entry has between 1 and % bytes', longest USING ERRCODE = 'JIT01';
        END IF;
        RAISE EXCEPTION 'a fact of these is recorded already' USING ERRCODE = 'JIT03';
    END IF;
    -- 6. What the read model says of the requests now; `last_entry` comes counted from the first of these entries.
    IF rows <> '[]' THEN
        FOR drawn IN SELECT * FROM jsonb_populate_recordset(NULL::{schema}.requests, rows) LOOP
            drawn.last_entry := first + drawn.last_entry;
            UPDATE {schema}.requests AS r SET kind = drawn.kind, state = drawn.state, version = drawn.version,
                    requester = drawn.requester, access = drawn.access, target = drawn.target,
                    asked_at = drawn.asked_at, ends_at = drawn.ends_at, over_at = drawn.over_at,
                    wakes_at = drawn.wakes_at, last_entry = drawn.last_entry
                WHERE r.id = drawn.id;
            IF NOT FOUND THEN
                INSERT INTO {schema}.requests SELECT drawn.*;
            END IF;
        END LOOP;
    END IF;
    RETURN NEXT;
END
