DECLARE
    about CONSTANT text := CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END;
    erased boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'a key of a person stays as it is' USING ERRCODE = 'JIT04';
    END IF;
    IF TG_OP = 'INSERT' AND (octet_length(NEW.key) <> 32 OR NEW.id !~ '^[0-9a-f]{32}$') THEN
        RAISE EXCEPTION 'a key of a person has 32 bytes, and an id of 32 hex digits' USING ERRCODE = 'JIT04';
    END IF;
    -- Only what is committed can be seen below, and an erasure in the making has not yet said so.
    PERFORM pg_advisory_xact_lock(6973812);
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'keys of people are made and deleted in a transaction that is READ COMMITTED'
            USING ERRCODE = 'JIT04';
    END IF;
    erased := EXISTS (
        SELECT FROM {schema}.entries AS e WHERE e.request_id IS NULL AND e.kind = 'person.erased' AND CASE
            WHEN position(convert_to(about, 'UTF8') IN e.body) = 0 THEN false
            ELSE replace(convert_from(e.body, 'UTF8'), '\u0000', '\uFFFD')::json #>> '{fact,key}' = about
        END
    );
    IF TG_OP = 'DELETE' THEN
        IF NOT erased THEN
            RAISE EXCEPTION 'the key % is deleted after a person.erased that names it, and not before', about
                USING ERRCODE = 'JIT04';
        END IF;
        RETURN OLD;
    END IF;
    -- Who owns the table may put a copy of it back; `jit privacy again` deletes what was deleted.
    IF erased AND NOT pg_has_role(session_user, (SELECT c.relowner FROM pg_class AS c WHERE c.oid = TG_RELID), 'MEMBER')
    THEN
        RAISE EXCEPTION 'the key % was deleted: another has another id', about USING ERRCODE = 'JIT04';
    END IF;
    RETURN NEW;
END
