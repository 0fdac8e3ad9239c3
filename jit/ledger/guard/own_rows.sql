DECLARE
    who CONSTANT text := session_user;
    was CONSTANT jsonb := to_jsonb(OLD);
    becomes CONSTANT jsonb := to_jsonb(NEW);
    names CONSTANT text[] := CASE who
        WHEN 'jit_bot' THEN ARRAY['bot.followers']
        WHEN 'jit_hands' THEN ARRAY['timekeeper', 'worker#%']
        WHEN 'jit_signer' THEN ARRAY['signer', 'copier']
        ELSE '{}'
    END;
    allowed boolean;
BEGIN
    allowed := CASE
        WHEN NOT EXISTS (SELECT FROM {schema}.may_write) THEN true
        WHEN pg_has_role(session_user, (SELECT c.relowner FROM pg_class AS c WHERE c.oid = TG_RELID), 'MEMBER') THEN true
        WHEN TG_TABLE_NAME = 'leases' THEN
            coalesce(was ->> 'name' LIKE ANY (names), true) AND coalesce(becomes ->> 'name' LIKE ANY (names), true)
        WHEN TG_TABLE_NAME = 'notes' THEN CASE who
            WHEN 'jit_bot' THEN true
            WHEN 'jit_auditor' THEN coalesce(was ->> 'follower', 'mirror_check') = 'mirror_check'
                AND coalesce(becomes ->> 'follower', 'mirror_check') = 'mirror_check'
            -- Followers put a person last in the key of a note.
            WHEN 'jit_privacy' THEN TG_OP = 'DELETE'
                AND was ->> 'key' ~ ':([UW][A-Z0-9]{4,30}|(cli|principal|erased):.+)$'
        END
        WHEN TG_TABLE_NAME = 'directory' THEN CASE who
            WHEN 'jit_bot' THEN true
            -- Out of the groups somebody may be taken, and nobody put into them; nor is what all read made longer.
            WHEN 'jit_privacy' THEN CASE TG_OP
                WHEN 'DELETE' THEN starts_with(was ->> 'key', 'person:')
                WHEN 'UPDATE' THEN was ->> 'key' = 'groups' AND was - 'value' = becomes - 'value'
                    AND octet_length(becomes ->> 'value') <= octet_length(was ->> 'value')
                    AND (was ->> 'value')::jsonb - 'members' = (becomes ->> 'value')::jsonb - 'members'
                    AND (was ->> 'value')::jsonb -> 'members' @> ((becomes ->> 'value')::jsonb -> 'members')
            END
        END
        WHEN TG_TABLE_NAME = 'requests' THEN CASE who
            WHEN 'jit_bot' THEN true
            WHEN 'jit_hands' THEN true
            -- After the entry: what the row says of it is not looked at, as it may have been wrong before. But it is
            -- not open, so that nobody else's request is in its way.
            WHEN 'jit_auditor' THEN was ->> 'id' = becomes ->> 'id' AND becomes ->> 'state' = 'ending' AND EXISTS (
                SELECT FROM {schema}.entries AS e WHERE e.index = (becomes ->> 'last_entry')::bigint
                    AND e.request_id = becomes ->> 'id' AND e.kind = 'revoked'
            )
            -- Of what is over it says what was done with it, and changes nothing else.
            WHEN 'jit_collector' THEN was - 'version' - 'last_entry' = becomes - 'version' - 'last_entry'
                AND becomes ->> 'state' = 'ended' AND (becomes ->> 'version')::int = (was ->> 'version')::int + 1
                AND (becomes ->> 'last_entry')::bigint > (was ->> 'last_entry')::bigint AND EXISTS (
                SELECT FROM {schema}.entries AS e WHERE e.index = (becomes ->> 'last_entry')::bigint
                    AND e.request_id = becomes ->> 'id' AND e.kind = 'activity.summed'
            )
            -- Who has something open is not erased, and gets nothing of another's that is.
            WHEN 'jit_privacy' THEN was - 'requester' = becomes - 'requester'
                AND was ->> 'state' IN ('ended', 'denied', 'withdrawn', 'lapsed', 'failed')
        END
    END;
    IF allowed IS NOT TRUE THEN
        RAISE EXCEPTION 'the login % may not % this row of %', who, TG_OP, TG_TABLE_NAME USING ERRCODE = 'JIT02';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
