    -- Each of the `facts` by itself, wherever it will stand, and whether the login may record it: no lock is needed.
    -- As jsonb they are in `told` then.
    DECLARE
        -- As our writers write a text: nothing is escaped that need not be.
        a_text CONSTANT text := '"(?:[^"\\]|\\["\\bfnrt]|\\u00(?:0[0-7bef]|1[0-9a-f]))*"';
        given bytea;
        said text;
        fact jsonb;
        -- Which of the kinds.
        its integer;
        must text[];
        may text[];
        -- Of each field, where a fact has it.
        are jsonpath;
        other_kind text;
        wrong text;
    BEGIN
        FOREACH given IN ARRAY facts LOOP
            -- jsonb takes no NUL. Here it only says what stands where; what is kept is the fact as it came.
            said := replace(convert_from(given, 'UTF8'), '\u0000', '\u0001');
            fact := said::jsonb;
            told := array_append(told, fact);
            -- Of a name that stands twice, however far within, jsonb keeps one, and is shorter by it; so it is by each
            -- blank, and by an escape that need not be. Longer than it was written it is of numbers alone.
            IF (octet_length(replace(fact::text, ' ', '')) <> octet_length(said) OR position('\' IN said) > 0
                    OR fact @@ 'strict exists($.** ? (@.type() == "number")) || exists($.**{16 to last})')
                AND (octet_length(replace(fact::text, ' ', '')) <> octet_length(replace(said, ' ', ''))
                    OR fact @? 'strict $.**{16 to last}'
                    OR regexp_replace(said, a_text, '""', 'g') ~ '[ \t\n\r\\.]|[0-9]([eE]|[0-9]{15})')
            THEN
                RAISE EXCEPTION 'fact % is not written as facts are: no blanks between its parts, no escapes that need '
                    'not be, no name twice, whole numbers, and no more than 15 levels', cardinality(told)
                    USING ERRCODE = 'JIT01';
            END IF;
            its := array_position(ARRAY[{kinds}], fact ->> 'kind');
            must := string_to_array((ARRAY[{must}])[its], ' ');
            may := string_to_array((ARRAY[{may}])[its], ' ');
            are := (ARRAY[{are}]::jsonpath[])[its];
            CONTINUE WHEN fact ?& must AND fact - must - may = '{}' AND fact @@ are;
            -- It is none. Why?
            IF coalesce(jsonb_typeof(fact -> 'kind'), '') <> 'string'
                OR octet_length(fact ->> 'kind') NOT BETWEEN 1 AND 32
                OR coalesce(fact ->> 'id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                OR coalesce(jsonb_typeof(fact -> 'request_id'), 'null') NOT IN ('string', 'null')
                OR fact ->> 'request_id' !~ '^[!-~]{1,16}$'
                OR NOT fact ?& ARRAY['at', 'actor', 'source']
            THEN
                RAISE EXCEPTION 'fact % holds no fact: id, kind, at, actor and source', cardinality(told)
                    USING ERRCODE = 'JIT01';
            ELSIF its IS NULL THEN
                wrong := 'of no kind that is known here';
            ELSIF NOT fact ?& must THEN
                SELECT 'lacks ' || string_agg(f, ', ') INTO wrong FROM unnest(must) AS f WHERE NOT fact ? f;
            ELSIF fact ->> 'request_id' IS NULL AND 'request_id' = ANY (must) THEN
                wrong := 'says of no request_id';
            ELSIF fact - must - may <> '{}' THEN
                SELECT 'has what that has not: ' || left(string_agg(f, ', '), 100) INTO wrong
                    FROM jsonb_object_keys(fact - must - may) AS f;
            ELSE
                SELECT 'has values that are none of it: ' || string_agg(f, ', ') INTO wrong
                    FROM jsonb_object_keys(fact) AS f
                    WHERE (jsonb_build_object(f, fact -> f) @@ are) IS NOT TRUE;
            END IF;
            wrong := coalesce(wrong, 'cannot be read');
            EXIT;
        END LOOP;
        hardened := EXISTS (SELECT FROM {schema}.may_write);
        IF hardened THEN
            SELECT f ->> 'kind' INTO other_kind FROM unnest(told) AS f WHERE NOT EXISTS (
                SELECT FROM {schema}.may_write AS m WHERE m.login = session_user::text AND m.kind = f ->> 'kind'
            ) LIMIT 1;
            IF other_kind IS NOT NULL THEN
                RAISE EXCEPTION 'the login % may not record %', session_user, other_kind USING ERRCODE = 'JIT02';
            END IF;
        END IF;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'fact % is % and %', cardinality(told), fact ->> 'kind', wrong USING ERRCODE = 'JIT01';
        END IF;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RAISE EXCEPTION 'an entry is JSON in UTF-8' USING ERRCODE = 'JIT01';
    END;
