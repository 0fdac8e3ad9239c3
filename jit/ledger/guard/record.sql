DECLARE
    -- Kinds of fact that are a step in the life of a request.
    steps CONSTANT text[] := ARRAY[{steps}];
    bodies bytea[] := '{}';
    body bytea;
    fact bytea;
    following bigint;
    moment text;
    drawn {schema}.requests;
BEGIN
    -- 1. Alone from here to the end of the transaction.
    PERFORM pg_advisory_xact_lock(6973812);
    -- 2. What the facts rest on is still so.
    IF follows <> '{}' AND EXISTS (
        SELECT FROM jsonb_each_text(follows) AS f WHERE f.value::bigint <> coalesce(
            (SELECT max(e.index) FROM {schema}.entries AS e WHERE e.request_id = f.key AND e.kind = ANY (steps)), 0)
    ) THEN
        RAISE EXCEPTION 'a request has changed meanwhile' USING ERRCODE = 'JIT05';
    END IF;
    IF keys <> '{}' AND (SELECT count(*) FROM {schema}.person_keys AS k WHERE k.id = ANY (keys)) <> cardinality(keys) THEN
        RAISE EXCEPTION 'a key of a person is gone meanwhile' USING ERRCODE = 'JIT06';
    END IF;
    -- 3. Their place: behind the last, and not dated before it.
    SELECT e.index + 1, e.hash, e.recorded_at INTO first, previous, recorded_at
        FROM {schema}.entries AS e ORDER BY e.index DESC LIMIT 1;
    first := coalesce(first, 1);
    previous := coalesce(previous, repeat('0', 64));
    recorded_at := greatest(recorded_at, CASE WHEN EXISTS (SELECT FROM {schema}.may_write)
        THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint ELSE at END);
    moment := to_char((timestamptz 'epoch' + recorded_at * interval '1 microsecond') AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US');
    moment := replace(moment, '.000000', '') || '+00:00';
    -- 4. The entries, as `jit.ledger.entry` puts them together, and through all that is checked of an entry.
    following := first;
    body := previous::bytea;
    FOREACH fact IN ARRAY facts LOOP
        body := convert_to('{"index": ' || following || ', "recorded_at": "' || moment || '", "previous": "'
            || CASE WHEN following = first THEN previous ELSE encode(sha256(body), 'hex') END || '", "fact": ', 'UTF8')
            || fact || '\x7d'::bytea;
        bodies := bodies || body;
        following := following + 1;
    END LOOP;
    PERFORM {schema}.jit_append(bodies);
    -- 5. What the read model says of the requests now; `last_entry` comes counted from the first of these entries.
    FOR drawn IN SELECT * FROM jsonb_populate_recordset(NULL::{schema}.requests, rows) LOOP
        drawn.last_entry := first + drawn.last_entry;
        UPDATE {schema}.requests AS r SET kind = drawn.kind, state = drawn.state, version = drawn.version,
                requester = drawn.requester, access = drawn.access, target = drawn.target, asked_at = drawn.asked_at,
                ends_at = drawn.ends_at, over_at = drawn.over_at, wakes_at = drawn.wakes_at,
                last_entry = drawn.last_entry
            WHERE r.id = drawn.id;
        IF NOT FOUND THEN
            INSERT INTO {schema}.requests SELECT drawn.*;
        END IF;
    END LOOP;
    RETURN NEXT;
END
