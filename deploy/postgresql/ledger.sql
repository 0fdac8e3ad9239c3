-- The ledger's database, its owner and logins, and who may do what, as `jit ledger init --print` has it.
-- In psql, connected to the database postgres as a superuser. It may be run again, and has to be after
-- an upgrade of jit. The logins have no passwords yet; give each that is used one: \password jit_bot
--   jit_bot      the bot
--   jit_hands    workers and timekeepers
--   jit_signer   the signer
--   jit_auditor  security at a terminal: `jit audit`, `jit list`, `jit show`, `jit revoke`
--   jit_privacy  `jit privacy erase`, and nothing else: what it deletes nobody brings back
\set ON_ERROR_STOP on
DO $jit$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit_owner') THEN CREATE ROLE jit_owner NOLOGIN; END IF; END $jit$;
ALTER ROLE jit_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $jit$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit_bot') THEN CREATE ROLE jit_bot LOGIN; END IF; END $jit$;
ALTER ROLE jit_bot LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $jit$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit_hands') THEN CREATE ROLE jit_hands LOGIN; END IF; END $jit$;
ALTER ROLE jit_hands LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $jit$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit_signer') THEN CREATE ROLE jit_signer LOGIN; END IF; END $jit$;
ALTER ROLE jit_signer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $jit$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit_auditor') THEN CREATE ROLE jit_auditor LOGIN; END IF; END $jit$;
ALTER ROLE jit_auditor LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $jit$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit_privacy') THEN CREATE ROLE jit_privacy LOGIN; END IF; END $jit$;
ALTER ROLE jit_privacy LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $jit$ DECLARE one record; BEGIN
    FOR one IN SELECT m.roleid::regrole AS role, m.member::regrole AS member, m.grantor::regrole AS grantor
        FROM pg_auth_members AS m JOIN pg_roles AS given ON given.oid = m.roleid
        WHERE given.rolname IN ('jit_owner', 'jit_bot', 'jit_hands', 'jit_signer', 'jit_auditor', 'jit_privacy')
    LOOP
        EXECUTE format('REVOKE %s FROM %s GRANTED BY %s CASCADE', one.role, one.member, one.grantor);
    END LOOP;
END $jit$;
SELECT 'CREATE DATABASE jit OWNER jit_owner ENCODING ''UTF8'' TEMPLATE template0'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'jit')
\gexec
\connect jit
BEGIN;
SELECT pg_advisory_xact_lock(6973812);
SET LOCAL search_path = public;
DO $jit$ BEGIN
    IF to_regclass('public.entries') IS NOT NULL AND to_regclass('public.made_by') IS NULL THEN
        RAISE EXCEPTION 'the tables in this database were made by another version of jit';
    END IF;
END $jit$;
DO $jit$ BEGIN
    IF to_regclass('public.heads') IS NOT NULL THEN
        ALTER TABLE heads RENAME TO checkpoints;
        ALTER TABLE cosignatures RENAME COLUMN head TO checkpoint;
        DROP INDEX IF EXISTS heads_of_size;
        ALTER INDEX heads_pkey RENAME TO checkpoints_pkey;
        DROP TRIGGER IF EXISTS heads_kept ON checkpoints;
        DROP TRIGGER IF EXISTS heads_not_emptied ON checkpoints;
        DROP TRIGGER IF EXISTS heads_numbered ON checkpoints;
        DROP FUNCTION IF EXISTS jit_head();
    END IF;
END $jit$;
CREATE TABLE IF NOT EXISTS checkpoints (
    number BIGINT NOT NULL,
    size BIGINT NOT NULL,
    signed_at BIGINT NOT NULL,
    note BYTEA NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX IF NOT EXISTS checkpoints_of_size ON checkpoints (size);
CREATE TABLE IF NOT EXISTS cosignatures (
    checkpoint BIGINT NOT NULL,
    witness VARCHAR(200) NOT NULL,
    line BYTEA NOT NULL,
    PRIMARY KEY (checkpoint, witness)
);
CREATE TABLE IF NOT EXISTS directory (
    key VARCHAR(64) NOT NULL,
    value TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    PRIMARY KEY (key)
);
CREATE TABLE IF NOT EXISTS entries (
    index BIGINT NOT NULL,
    id VARCHAR(36) NOT NULL,
    recorded_at BIGINT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    request_id VARCHAR(16),
    body BYTEA NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (index),
    UNIQUE (id)
);
CREATE INDEX IF NOT EXISTS entries_of_request ON entries (request_id, kind, index);
CREATE TABLE IF NOT EXISTS leases (
    name VARCHAR(64) NOT NULL,
    holder VARCHAR(200) NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE IF NOT EXISTS made_by (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE IF NOT EXISTS may_write (
    login VARCHAR(63) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    PRIMARY KEY (login, kind)
);
CREATE TABLE IF NOT EXISTS notes (
    follower VARCHAR(64) NOT NULL,
    key VARCHAR(200) NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (follower, key)
);
CREATE TABLE IF NOT EXISTS person_keys (
    id VARCHAR(32) NOT NULL,
    person VARCHAR(200) NOT NULL,
    key BYTEA NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (person)
);
CREATE TABLE IF NOT EXISTS policy_texts (
    version VARCHAR(64) NOT NULL,
    files BYTEA NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE IF NOT EXISTS requests (
    id VARCHAR(16) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    version INTEGER NOT NULL,
    requester VARCHAR(200) NOT NULL,
    access VARCHAR(200) NOT NULL,
    target VARCHAR(200) NOT NULL,
    asked_at BIGINT NOT NULL,
    ends_at BIGINT,
    over_at BIGINT,
    wakes_at BIGINT,
    last_entry BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX IF NOT EXISTS one_open_request ON requests (requester, access, kind) WHERE state IN ('active', 'approved', 'granting', 'pending');
CREATE INDEX IF NOT EXISTS requests_asked ON requests (asked_at);
CREATE INDEX IF NOT EXISTS requests_in_state ON requests (state, asked_at);
CREATE INDEX IF NOT EXISTS requests_of_person ON requests (requester, asked_at);
CREATE INDEX IF NOT EXISTS requests_over ON requests (over_at);
CREATE INDEX IF NOT EXISTS requests_waking ON requests (wakes_at);
DO $jit$ BEGIN
    IF EXISTS (SELECT FROM public.made_by WHERE version NOT IN (1, 2, 3)) THEN
        RAISE EXCEPTION 'the tables in this database were made by another version of jit';
    END IF;
    UPDATE public.made_by SET version = 3 WHERE version <> 3;
    INSERT INTO public.made_by SELECT 3 WHERE NOT EXISTS (SELECT FROM public.made_by);
END $jit$;
ALTER DATABASE jit OWNER TO jit_owner;
ALTER SCHEMA public OWNER TO jit_owner;
ALTER TABLE public.checkpoints OWNER TO jit_owner;
ALTER TABLE public.cosignatures OWNER TO jit_owner;
ALTER TABLE public.directory OWNER TO jit_owner;
ALTER TABLE public.entries OWNER TO jit_owner;
ALTER TABLE public.leases OWNER TO jit_owner;
ALTER TABLE public.made_by OWNER TO jit_owner;
ALTER TABLE public.may_write OWNER TO jit_owner;
ALTER TABLE public.notes OWNER TO jit_owner;
ALTER TABLE public.person_keys OWNER TO jit_owner;
ALTER TABLE public.policy_texts OWNER TO jit_owner;
ALTER TABLE public.requests OWNER TO jit_owner;
CREATE OR REPLACE FUNCTION public.jit_append(bodies bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
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
    hardened := EXISTS (SELECT FROM public.may_write);
    SELECT e.index, e.hash, e.recorded_at INTO last_index, last_hash, last_at
        FROM public.entries AS e ORDER BY e.index DESC LIMIT 1;
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
            its := array_position(ARRAY['alert', 'approval', 'approved', 'denial', 'denied', 'ended', 'grant.failed', 'grant.intent', 'granted', 'key.changed', 'lapsed', 'person.erased', 'policy.changed', 'record.read', 'refused', 'released', 'requested', 'requester.left', 'revoke.failed', 'revoke.intent', 'revoked', 'spool.taken', 'started', 'withdrawn'], fact ->> 'kind');
            must := string_to_array((ARRAY['id at actor source kind name says', 'id at actor source request_id requester access target permissions principal why incident policy_version kind approver digest quorums groups_as_of', 'id at actor source request_id requester access target permissions principal why incident policy_version kind digest counted begin_by', 'id at actor source request_id requester access target permissions principal why incident policy_version kind approver digest reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind approver digest reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind cause existed sessions left_behind', 'id at actor source request_id requester access target permissions principal why incident policy_version kind reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind ends_at held_before', 'id at actor source request_id requester access target permissions principal why incident policy_version kind ends_at read_back', 'id at actor source kind key', 'id at actor source request_id requester access target permissions principal why incident policy_version kind because', 'id at actor source kind key legal_basis', 'id at actor source kind policy_version before', 'id at actor source kind how asked after', 'id at actor source kind attempted reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind', 'id at actor source request_id requester access target permissions principal why incident policy_version kind duration channel risk needs pending_until', 'id at actor source request_id requester access target permissions principal why incident policy_version kind because', 'id at actor source request_id requester access target permissions principal why incident policy_version kind reason attempts', 'id at actor source request_id requester access target permissions principal why incident policy_version kind cause', 'id at actor source request_id requester access target permissions principal why incident policy_version kind reason', 'id at actor source kind host first last head', 'id at actor source kind process version policy_version', 'id at actor source request_id requester access target permissions principal why incident policy_version kind'])[its], ' ');
            may := string_to_array((ARRAY['spooled request_id requester access target principal', 'spooled proof', 'spooled by_rule', 'spooled', 'spooled', 'spooled', 'spooled', 'spooled end_order', 'spooled how_to_connect', 'spooled before', 'spooled', 'spooled', 'spooled changes commit author reviewed_by', 'spooled', 'spooled request_id requester access target permissions policy_version', 'spooled', 'spooled rule different_people denials_needed inputs', 'spooled', 'spooled', 'spooled', 'spooled', 'spooled', 'spooled warnings', 'spooled'])[its], ' ');
            are := (ARRAY['(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "alert"))) && (!exists($."name") || ($."name".type() == "string" && ($."name" == "end_late" || $."name" == "end_at_risk" || $."name" == "end_not_begun" || $."name" == "not_begun" || $."name" == "policy_broken" || $."name" == "grant_late" || $."name" == "left_behind" || $."name" == "grant_failed" || $."name" == "requester_left" || $."name" == "target_unusable" || $."name" == "foreign_slack" || $."name" == "foreign_grant" || $."name" == "record_broken" || $."name" == "spool_refused" || $."name" == "spool_broken" || $."name" == "spool_full" || $."name" == "audit_changed" || $."name" == "not_shown" || $."name" == "checkpoint_missing" || $."name" == "checkpoint_refused"))) && (!exists($."says") || ($."says".type() == "string" || $."says".type() == "object" && exists($."says"."sealed"))) && (!exists($."request_id") || (($."request_id".type() == "string") || ($."request_id".type() == "null")) && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || (($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed")) || ($."requester".type() == "null"))) && (!exists($."access") || (($."access".type() == "string") || ($."access".type() == "null"))) && (!exists($."target") || (($."target".type() == "string") || ($."target".type() == "null"))) && (!exists($."principal") || (($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed")) || ($."principal".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "approval"))) && (!exists($."approver") || ($."approver".type() == "string" && ($."approver" == "" || !($."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || $."approver".type() == "object" && exists($."approver"."sealed"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."quorums") || ($."quorums".type() == "array" && !($."quorums"[*].type() != "string"))) && (!exists($."groups_as_of") || (($."groups_as_of".type() == "string" && $."groups_as_of" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s") || ($."groups_as_of".type() == "null"))) && (!exists($."proof") || (($."proof".type() == "string") || ($."proof".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "approved"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."counted") || ($."counted".type() == "array" && !($."counted"[*].type() != "object") && !exists($."counted"[*] ? (!(@.type() == "object" && !exists(@.keyvalue() ? (@.key != "approval" && @.key != "approver" && @.key != "quorum")) && (@."approval".type() == "string" && @."approval" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s") && (@."approver".type() == "string" && (@."approver" == "" || !(@."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || @."approver".type() == "object" && exists(@."approver"."sealed")) && (@."quorum".type() == "string")))))) && (!exists($."begin_by") || ($."begin_by".type() == "string" && $."begin_by" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."by_rule") || ($."by_rule".type() == "string" || $."by_rule".type() == "object" && exists($."by_rule"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "denial"))) && (!exists($."approver") || ($."approver".type() == "string" && ($."approver" == "" || !($."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || $."approver".type() == "object" && exists($."approver"."sealed"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "" || !($."reason" like_regex "^(.{200}){10}.{0}." flag "s")) || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "denied"))) && (!exists($."approver") || ($."approver".type() == "string" && ($."approver" == "" || !($."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || $."approver".type() == "object" && exists($."approver"."sealed"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "" || !($."reason" like_regex "^(.{200}){10}.{0}." flag "s")) || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "ended"))) && (!exists($."cause") || ($."cause".type() == "string" && ($."cause" == "expired" || $."cause" == "released" || $."cause" == "revoked" || $."cause" == "recovered" || $."cause" == "late" || $."cause" == "deactivated" || $."cause" == "left_rules"))) && (!exists($."existed") || ($."existed".type() == "boolean")) && (!exists($."sessions") || ($."sessions".type() == "number")) && (!exists($."left_behind") || ($."left_behind".type() == "array" && !($."left_behind"[*].type() != "string") || $."left_behind".type() == "object" && exists($."left_behind"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "grant.failed"))) && (!exists($."reason") || ($."reason".type() == "string" || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "grant.intent"))) && (!exists($."ends_at") || ($."ends_at".type() == "string" && $."ends_at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."held_before") || ($."held_before".type() == "array" && !($."held_before"[*].type() != "string"))) && (!exists($."end_order") || (($."end_order".type() == "string" || $."end_order".type() == "object" && exists($."end_order"."sealed")) || ($."end_order".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "granted"))) && (!exists($."ends_at") || ($."ends_at".type() == "string" && $."ends_at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."read_back") || ($."read_back".type() == "array" && !($."read_back"[*].type() != "string"))) && (!exists($."how_to_connect") || (($."how_to_connect".type() == "string" && ($."how_to_connect" == "" || !($."how_to_connect" like_regex "^(.{200}){2}.{100}." flag "s")) || $."how_to_connect".type() == "object" && exists($."how_to_connect"."sealed")) || ($."how_to_connect".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "key.changed"))) && (!exists($."key") || ($."key".type() == "string")) && (!exists($."before") || (($."before".type() == "string") || ($."before".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "lapsed"))) && (!exists($."because") || ($."because".type() == "string" && ($."because" == "unanswered" || $."because" == "not_begun" || $."because" == "no_longer_approved" || $."because" == "rules_changed" || $."because" == "left_rules" || $."because" == "deactivated")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "person.erased"))) && (!exists($."key") || ($."key".type() == "string") && ($."key".type() != "string" || $."key" like_regex "^[0-9a-f]{32}$" flag "s")) && (!exists($."legal_basis") || ($."legal_basis".type() == "string"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "policy.changed"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."before") || ($."before".type() == "string")) && (!exists($."changes") || ($."changes".type() == "array" && !($."changes"[*].type() != "string"))) && (!exists($."commit") || (($."commit".type() == "string") || ($."commit".type() == "null"))) && (!exists($."author") || (($."author".type() == "string" && ($."author" == "" || !($."author" like_regex "^(.{200}){1}.{0}." flag "s")) || $."author".type() == "object" && exists($."author"."sealed")) || ($."author".type() == "null"))) && (!exists($."reviewed_by") || (($."reviewed_by".type() == "string" && ($."reviewed_by" == "" || !($."reviewed_by" like_regex "^(.{200}){1}.{0}." flag "s")) || $."reviewed_by".type() == "object" && exists($."reviewed_by"."sealed")) || ($."reviewed_by".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "record.read"))) && (!exists($."how") || ($."how".type() == "string" && ($."how" == "search" || $."how" == "tail" || $."how" == "export" || $."how" == "prove" || $."how" == "mirror_check"))) && (!exists($."asked") || ($."asked".type() == "string" && ($."asked" == "" || !($."asked" like_regex "^(.{200}){10}.{0}." flag "s")) || $."asked".type() == "object" && exists($."asked"."sealed"))) && (!exists($."after") || ($."after".type() == "number"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "refused"))) && (!exists($."attempted") || ($."attempted".type() == "string")) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "unknown_request" || $."reason" == "not_allowed_to_ask" || $."reason" == "not_allowed_to_decide" || $."reason" == "not_allowed_to_end" || $."reason" == "not_yours" || $."reason" == "own_request" || $."reason" == "already_approved" || $."reason" == "already_denied" || $."reason" == "already_open" || $."reason" == "not_possible_now" || $."reason" == "lapsed" || $."reason" == "card_changed" || $."reason" == "rules_changed" || $."reason" == "nobody_could_approve" || $."reason" == "no_principal" || $."reason" == "bad_input" || $."reason" == "wrong_workspace" || $."reason" == "bad_standing" || $."reason" == "cannot_look_up" || $."reason" == "stale_groups" || $."reason" == "policy_broken" || $."reason" == "quorum_gone" || $."reason" == "not_needed" || $."reason" == "not_yet" || $."reason" == "no_rule" || $."reason" == "condition_gone" || $."reason" == "condition_unknown" || $."reason" == "malformed" || $."reason" == "busy" || $."reason" == "too_many" || $."reason" == "bad_ticket"))) && (!exists($."request_id") || (($."request_id".type() == "string") || ($."request_id".type() == "null")) && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || (($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed")) || ($."requester".type() == "null"))) && (!exists($."access") || (($."access".type() == "string") || ($."access".type() == "null"))) && (!exists($."target") || (($."target".type() == "string") || ($."target".type() == "null"))) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."policy_version") || (($."policy_version".type() == "string") || ($."policy_version".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "released")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "requested"))) && (!exists($."duration") || ($."duration".type() == "string" && $."duration" like_regex "^P(?=[0-9T])([0-9]{1,2}Y)?([0-9]{1,3}D)?(T(?=[0-9])([0-9]{1,2}H)?([0-9]{1,2}M)?([0-9]{1,2}([.][0-9]{1,6})?S)?)?$" flag "s")) && (!exists($."channel") || ($."channel".type() == "string")) && (!exists($."risk") || ($."risk".type() == "string")) && (!exists($."needs") || ($."needs".type() == "array" && !($."needs"[*].type() != "object") && !exists($."needs"[*] ? (!(@.type() == "object" && !exists(@.keyvalue() ? (@.key != "label" && @.key != "who" && @.key != "count" && @.key != "stage")) && (@."label".type() == "string") && (@."who".type() == "array" && !(@."who"[*].type() != "string")) && (@."count".type() == "number") && (@."stage".type() == "number")))))) && (!exists($."pending_until") || ($."pending_until".type() == "string" && $."pending_until" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."rule") || ($."rule".type() == "string")) && (!exists($."different_people") || ($."different_people".type() == "boolean")) && (!exists($."denials_needed") || ($."denials_needed".type() == "number")) && (!exists($."inputs") || (($."inputs".type() == "string" || $."inputs".type() == "object" && exists($."inputs"."sealed")) || ($."inputs".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "requester.left"))) && (!exists($."because") || ($."because".type() == "string" && ($."because" == "deactivated" || $."because" == "left_rules")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "revoke.failed"))) && (!exists($."reason") || ($."reason".type() == "string" || $."reason".type() == "object" && exists($."reason"."sealed"))) && (!exists($."attempts") || ($."attempts".type() == "number"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "revoke.intent"))) && (!exists($."cause") || ($."cause".type() == "string" && ($."cause" == "expired" || $."cause" == "released" || $."cause" == "revoked" || $."cause" == "recovered" || $."cause" == "late" || $."cause" == "deactivated" || $."cause" == "left_rules")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "revoked"))) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "" || !($."reason" like_regex "^(.{200}){10}.{0}." flag "s")) || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "spool.taken"))) && (!exists($."host") || ($."host".type() == "string")) && (!exists($."first") || ($."first".type() == "number")) && (!exists($."last") || ($."last".type() == "number")) && (!exists($."head") || ($."head".type() == "string"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "started"))) && (!exists($."process") || ($."process".type() == "string")) && (!exists($."version") || ($."version".type() == "string")) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."warnings") || ($."warnings".type() == "array" && !($."warnings"[*].type() != "string")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "withdrawn")))']::jsonpath[])[its];
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
        hardened := EXISTS (SELECT FROM public.may_write);
        IF hardened THEN
            SELECT f ->> 'kind' INTO other_kind FROM unnest(told) AS f WHERE NOT EXISTS (
                SELECT FROM public.may_write AS m WHERE m.login = session_user::text AND m.kind = f ->> 'kind'
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
    INSERT INTO public.entries (index, id, recorded_at, kind, request_id, body, hash)
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
$jit$;
REVOKE ALL ON FUNCTION public.jit_append(bytea[]) FROM PUBLIC;
CREATE OR REPLACE FUNCTION public.jit_record(facts bytea[], at bigint, keys text[], follows jsonb, rows jsonb) RETURNS TABLE (first bigint, recorded_at bigint, previous text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
DECLARE
    longest CONSTANT integer := 1048576;
    -- Kinds of fact that are a step in the life of a request.
    steps CONSTANT text[] := ARRAY['approval', 'approved', 'denial', 'denied', 'ended', 'grant.failed', 'grant.intent', 'granted', 'lapsed', 'released', 'requested', 'requester.left', 'revoke.failed', 'revoke.intent', 'revoked', 'withdrawn'];
    hardened boolean;
    told jsonb[] := '{}';
    last_hash text;
    moment text;
    body bytea;
    bodies bytea[] := '{}';
    hashes text[] := '{}';
    done bigint;
    tried integer := 0;
    drawn public.requests;
BEGIN
    -- 1. Each fact by itself.
    IF facts IS NULL OR array_ndims(facts) IS DISTINCT FROM 1 THEN
        RAISE EXCEPTION 'facts are given as one list' USING ERRCODE = 'JIT01';
    END IF;
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
            its := array_position(ARRAY['alert', 'approval', 'approved', 'denial', 'denied', 'ended', 'grant.failed', 'grant.intent', 'granted', 'key.changed', 'lapsed', 'person.erased', 'policy.changed', 'record.read', 'refused', 'released', 'requested', 'requester.left', 'revoke.failed', 'revoke.intent', 'revoked', 'spool.taken', 'started', 'withdrawn'], fact ->> 'kind');
            must := string_to_array((ARRAY['id at actor source kind name says', 'id at actor source request_id requester access target permissions principal why incident policy_version kind approver digest quorums groups_as_of', 'id at actor source request_id requester access target permissions principal why incident policy_version kind digest counted begin_by', 'id at actor source request_id requester access target permissions principal why incident policy_version kind approver digest reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind approver digest reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind cause existed sessions left_behind', 'id at actor source request_id requester access target permissions principal why incident policy_version kind reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind ends_at held_before', 'id at actor source request_id requester access target permissions principal why incident policy_version kind ends_at read_back', 'id at actor source kind key', 'id at actor source request_id requester access target permissions principal why incident policy_version kind because', 'id at actor source kind key legal_basis', 'id at actor source kind policy_version before', 'id at actor source kind how asked after', 'id at actor source kind attempted reason', 'id at actor source request_id requester access target permissions principal why incident policy_version kind', 'id at actor source request_id requester access target permissions principal why incident policy_version kind duration channel risk needs pending_until', 'id at actor source request_id requester access target permissions principal why incident policy_version kind because', 'id at actor source request_id requester access target permissions principal why incident policy_version kind reason attempts', 'id at actor source request_id requester access target permissions principal why incident policy_version kind cause', 'id at actor source request_id requester access target permissions principal why incident policy_version kind reason', 'id at actor source kind host first last head', 'id at actor source kind process version policy_version', 'id at actor source request_id requester access target permissions principal why incident policy_version kind'])[its], ' ');
            may := string_to_array((ARRAY['spooled request_id requester access target principal', 'spooled proof', 'spooled by_rule', 'spooled', 'spooled', 'spooled', 'spooled', 'spooled end_order', 'spooled how_to_connect', 'spooled before', 'spooled', 'spooled', 'spooled changes commit author reviewed_by', 'spooled', 'spooled request_id requester access target permissions policy_version', 'spooled', 'spooled rule different_people denials_needed inputs', 'spooled', 'spooled', 'spooled', 'spooled', 'spooled', 'spooled warnings', 'spooled'])[its], ' ');
            are := (ARRAY['(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "alert"))) && (!exists($."name") || ($."name".type() == "string" && ($."name" == "end_late" || $."name" == "end_at_risk" || $."name" == "end_not_begun" || $."name" == "not_begun" || $."name" == "policy_broken" || $."name" == "grant_late" || $."name" == "left_behind" || $."name" == "grant_failed" || $."name" == "requester_left" || $."name" == "target_unusable" || $."name" == "foreign_slack" || $."name" == "foreign_grant" || $."name" == "record_broken" || $."name" == "spool_refused" || $."name" == "spool_broken" || $."name" == "spool_full" || $."name" == "audit_changed" || $."name" == "not_shown" || $."name" == "checkpoint_missing" || $."name" == "checkpoint_refused"))) && (!exists($."says") || ($."says".type() == "string" || $."says".type() == "object" && exists($."says"."sealed"))) && (!exists($."request_id") || (($."request_id".type() == "string") || ($."request_id".type() == "null")) && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || (($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed")) || ($."requester".type() == "null"))) && (!exists($."access") || (($."access".type() == "string") || ($."access".type() == "null"))) && (!exists($."target") || (($."target".type() == "string") || ($."target".type() == "null"))) && (!exists($."principal") || (($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed")) || ($."principal".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "approval"))) && (!exists($."approver") || ($."approver".type() == "string" && ($."approver" == "" || !($."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || $."approver".type() == "object" && exists($."approver"."sealed"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."quorums") || ($."quorums".type() == "array" && !($."quorums"[*].type() != "string"))) && (!exists($."groups_as_of") || (($."groups_as_of".type() == "string" && $."groups_as_of" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s") || ($."groups_as_of".type() == "null"))) && (!exists($."proof") || (($."proof".type() == "string") || ($."proof".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "approved"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."counted") || ($."counted".type() == "array" && !($."counted"[*].type() != "object") && !exists($."counted"[*] ? (!(@.type() == "object" && !exists(@.keyvalue() ? (@.key != "approval" && @.key != "approver" && @.key != "quorum")) && (@."approval".type() == "string" && @."approval" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s") && (@."approver".type() == "string" && (@."approver" == "" || !(@."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || @."approver".type() == "object" && exists(@."approver"."sealed")) && (@."quorum".type() == "string")))))) && (!exists($."begin_by") || ($."begin_by".type() == "string" && $."begin_by" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."by_rule") || ($."by_rule".type() == "string" || $."by_rule".type() == "object" && exists($."by_rule"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "denial"))) && (!exists($."approver") || ($."approver".type() == "string" && ($."approver" == "" || !($."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || $."approver".type() == "object" && exists($."approver"."sealed"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "" || !($."reason" like_regex "^(.{200}){10}.{0}." flag "s")) || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "denied"))) && (!exists($."approver") || ($."approver".type() == "string" && ($."approver" == "" || !($."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || $."approver".type() == "object" && exists($."approver"."sealed"))) && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed"))) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "" || !($."reason" like_regex "^(.{200}){10}.{0}." flag "s")) || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "ended"))) && (!exists($."cause") || ($."cause".type() == "string" && ($."cause" == "expired" || $."cause" == "released" || $."cause" == "revoked" || $."cause" == "recovered" || $."cause" == "late" || $."cause" == "deactivated" || $."cause" == "left_rules"))) && (!exists($."existed") || ($."existed".type() == "boolean")) && (!exists($."sessions") || ($."sessions".type() == "number")) && (!exists($."left_behind") || ($."left_behind".type() == "array" && !($."left_behind"[*].type() != "string") || $."left_behind".type() == "object" && exists($."left_behind"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "grant.failed"))) && (!exists($."reason") || ($."reason".type() == "string" || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "grant.intent"))) && (!exists($."ends_at") || ($."ends_at".type() == "string" && $."ends_at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."held_before") || ($."held_before".type() == "array" && !($."held_before"[*].type() != "string"))) && (!exists($."end_order") || (($."end_order".type() == "string" || $."end_order".type() == "object" && exists($."end_order"."sealed")) || ($."end_order".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "granted"))) && (!exists($."ends_at") || ($."ends_at".type() == "string" && $."ends_at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."read_back") || ($."read_back".type() == "array" && !($."read_back"[*].type() != "string"))) && (!exists($."how_to_connect") || (($."how_to_connect".type() == "string" && ($."how_to_connect" == "" || !($."how_to_connect" like_regex "^(.{200}){2}.{100}." flag "s")) || $."how_to_connect".type() == "object" && exists($."how_to_connect"."sealed")) || ($."how_to_connect".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "key.changed"))) && (!exists($."key") || ($."key".type() == "string")) && (!exists($."before") || (($."before".type() == "string") || ($."before".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "lapsed"))) && (!exists($."because") || ($."because".type() == "string" && ($."because" == "unanswered" || $."because" == "not_begun" || $."because" == "no_longer_approved" || $."because" == "rules_changed" || $."because" == "left_rules" || $."because" == "deactivated")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "person.erased"))) && (!exists($."key") || ($."key".type() == "string") && ($."key".type() != "string" || $."key" like_regex "^[0-9a-f]{32}$" flag "s")) && (!exists($."legal_basis") || ($."legal_basis".type() == "string"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "policy.changed"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."before") || ($."before".type() == "string")) && (!exists($."changes") || ($."changes".type() == "array" && !($."changes"[*].type() != "string"))) && (!exists($."commit") || (($."commit".type() == "string") || ($."commit".type() == "null"))) && (!exists($."author") || (($."author".type() == "string" && ($."author" == "" || !($."author" like_regex "^(.{200}){1}.{0}." flag "s")) || $."author".type() == "object" && exists($."author"."sealed")) || ($."author".type() == "null"))) && (!exists($."reviewed_by") || (($."reviewed_by".type() == "string" && ($."reviewed_by" == "" || !($."reviewed_by" like_regex "^(.{200}){1}.{0}." flag "s")) || $."reviewed_by".type() == "object" && exists($."reviewed_by"."sealed")) || ($."reviewed_by".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "record.read"))) && (!exists($."how") || ($."how".type() == "string" && ($."how" == "search" || $."how" == "tail" || $."how" == "export" || $."how" == "prove" || $."how" == "mirror_check"))) && (!exists($."asked") || ($."asked".type() == "string" && ($."asked" == "" || !($."asked" like_regex "^(.{200}){10}.{0}." flag "s")) || $."asked".type() == "object" && exists($."asked"."sealed"))) && (!exists($."after") || ($."after".type() == "number"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "refused"))) && (!exists($."attempted") || ($."attempted".type() == "string")) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "unknown_request" || $."reason" == "not_allowed_to_ask" || $."reason" == "not_allowed_to_decide" || $."reason" == "not_allowed_to_end" || $."reason" == "not_yours" || $."reason" == "own_request" || $."reason" == "already_approved" || $."reason" == "already_denied" || $."reason" == "already_open" || $."reason" == "not_possible_now" || $."reason" == "lapsed" || $."reason" == "card_changed" || $."reason" == "rules_changed" || $."reason" == "nobody_could_approve" || $."reason" == "no_principal" || $."reason" == "bad_input" || $."reason" == "wrong_workspace" || $."reason" == "bad_standing" || $."reason" == "cannot_look_up" || $."reason" == "stale_groups" || $."reason" == "policy_broken" || $."reason" == "quorum_gone" || $."reason" == "not_needed" || $."reason" == "not_yet" || $."reason" == "no_rule" || $."reason" == "condition_gone" || $."reason" == "condition_unknown" || $."reason" == "malformed" || $."reason" == "busy" || $."reason" == "too_many" || $."reason" == "bad_ticket"))) && (!exists($."request_id") || (($."request_id".type() == "string") || ($."request_id".type() == "null")) && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || (($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed")) || ($."requester".type() == "null"))) && (!exists($."access") || (($."access".type() == "string") || ($."access".type() == "null"))) && (!exists($."target") || (($."target".type() == "string") || ($."target".type() == "null"))) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."policy_version") || (($."policy_version".type() == "string") || ($."policy_version".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "released")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "requested"))) && (!exists($."duration") || ($."duration".type() == "string" && $."duration" like_regex "^P(?=[0-9T])([0-9]{1,2}Y)?([0-9]{1,3}D)?(T(?=[0-9])([0-9]{1,2}H)?([0-9]{1,2}M)?([0-9]{1,2}([.][0-9]{1,6})?S)?)?$" flag "s")) && (!exists($."channel") || ($."channel".type() == "string")) && (!exists($."risk") || ($."risk".type() == "string")) && (!exists($."needs") || ($."needs".type() == "array" && !($."needs"[*].type() != "object") && !exists($."needs"[*] ? (!(@.type() == "object" && !exists(@.keyvalue() ? (@.key != "label" && @.key != "who" && @.key != "count" && @.key != "stage")) && (@."label".type() == "string") && (@."who".type() == "array" && !(@."who"[*].type() != "string")) && (@."count".type() == "number") && (@."stage".type() == "number")))))) && (!exists($."pending_until") || ($."pending_until".type() == "string" && $."pending_until" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."rule") || ($."rule".type() == "string")) && (!exists($."different_people") || ($."different_people".type() == "boolean")) && (!exists($."denials_needed") || ($."denials_needed".type() == "number")) && (!exists($."inputs") || (($."inputs".type() == "string" || $."inputs".type() == "object" && exists($."inputs"."sealed")) || ($."inputs".type() == "null")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "requester.left"))) && (!exists($."because") || ($."because".type() == "string" && ($."because" == "deactivated" || $."because" == "left_rules")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "revoke.failed"))) && (!exists($."reason") || ($."reason".type() == "string" || $."reason".type() == "object" && exists($."reason"."sealed"))) && (!exists($."attempts") || ($."attempts".type() == "number"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "revoke.intent"))) && (!exists($."cause") || ($."cause".type() == "string" && ($."cause" == "expired" || $."cause" == "released" || $."cause" == "revoked" || $."cause" == "recovered" || $."cause" == "late" || $."cause" == "deactivated" || $."cause" == "left_rules")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "revoked"))) && (!exists($."reason") || ($."reason".type() == "string" && ($."reason" == "" || !($."reason" like_regex "^(.{200}){10}.{0}." flag "s")) || $."reason".type() == "object" && exists($."reason"."sealed")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "spool.taken"))) && (!exists($."host") || ($."host".type() == "string")) && (!exists($."first") || ($."first".type() == "number")) && (!exists($."last") || ($."last".type() == "number")) && (!exists($."head") || ($."head".type() == "string"))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "started"))) && (!exists($."process") || ($."process".type() == "string")) && (!exists($."version") || ($."version".type() == "string")) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."warnings") || ($."warnings".type() == "array" && !($."warnings"[*].type() != "string")))', '(!exists($."id") || ($."id".type() == "string" && $."id" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s")) && (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s")) && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed"))) && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer"))) && (!exists($."spooled") || ($."spooled".type() == "boolean")) && (!exists($."request_id") || ($."request_id".type() == "string") && ($."request_id".type() != "string" || $."request_id" like_regex "^[!-~]{1,16}$" flag "s")) && (!exists($."requester") || ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed"))) && (!exists($."access") || ($."access".type() == "string")) && (!exists($."target") || ($."target".type() == "string")) && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string"))) && (!exists($."principal") || ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed"))) && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed"))) && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null"))) && (!exists($."policy_version") || ($."policy_version".type() == "string")) && (!exists($."kind") || ($."kind".type() == "string" && ($."kind" == "withdrawn")))']::jsonpath[])[its];
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
        hardened := EXISTS (SELECT FROM public.may_write);
        IF hardened THEN
            SELECT f ->> 'kind' INTO other_kind FROM unnest(told) AS f WHERE NOT EXISTS (
                SELECT FROM public.may_write AS m WHERE m.login = session_user::text AND m.kind = f ->> 'kind'
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
                (SELECT max(e.index) FROM public.entries AS e WHERE e.request_id = f.key AND e.kind = ANY (steps)), 0)
        ) THEN
            RAISE EXCEPTION 'a request has changed meanwhile' USING ERRCODE = 'JIT05';
        END IF;
    END IF;
    IF keys <> '{}' THEN
        IF (SELECT count(*) FROM public.person_keys AS k WHERE k.id = ANY (keys)) <> cardinality(keys) THEN
            RAISE EXCEPTION 'a key of a person is gone meanwhile' USING ERRCODE = 'JIT06';
        END IF;
    END IF;
    -- 4. Their place: behind the last, and not dated before it.
    SELECT e.index + 1, e.hash, e.recorded_at INTO first, previous, recorded_at
        FROM public.entries AS e ORDER BY e.index DESC LIMIT 1;
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
    INSERT INTO public.entries (index, id, recorded_at, kind, request_id, body, hash)
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
        FOR drawn IN SELECT * FROM jsonb_populate_recordset(NULL::public.requests, rows) LOOP
            drawn.last_entry := first + drawn.last_entry;
            UPDATE public.requests AS r SET kind = drawn.kind, state = drawn.state, version = drawn.version,
                    requester = drawn.requester, access = drawn.access, target = drawn.target,
                    asked_at = drawn.asked_at, ends_at = drawn.ends_at, over_at = drawn.over_at,
                    wakes_at = drawn.wakes_at, last_entry = drawn.last_entry
                WHERE r.id = drawn.id;
            IF NOT FOUND THEN
                INSERT INTO public.requests SELECT drawn.*;
            END IF;
        END LOOP;
    END IF;
    RETURN NEXT;
END
$jit$;
REVOKE ALL ON FUNCTION public.jit_record(bytea[], bigint, text[], jsonb, jsonb) FROM PUBLIC;
CREATE OR REPLACE FUNCTION public.jit_writable() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
DECLARE
    next_index bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(6973812);
    IF EXISTS (SELECT FROM public.may_write)
        AND NOT EXISTS (SELECT FROM public.may_write AS m WHERE m.login = session_user::text)
    THEN
        RAISE EXCEPTION 'the login % may record nothing', session_user USING ERRCODE = 'JIT02';
    END IF;
    SELECT coalesce(max(e.index), 0) + 1 INTO next_index FROM public.entries AS e;
    BEGIN
        INSERT INTO public.entries (index, id, recorded_at, kind, body, hash)
            VALUES (next_index, gen_random_uuid()::text, 0, 'nothing', '', repeat('0', 64));
        RAISE EXCEPTION 'taken back' USING ERRCODE = 'JIT00';
    EXCEPTION WHEN SQLSTATE 'JIT00' THEN
        NULL;
    END;
END
$jit$;
REVOKE ALL ON FUNCTION public.jit_writable() FROM PUBLIC;
CREATE OR REPLACE FUNCTION public.jit_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
BEGIN
    RAISE EXCEPTION 'what is in % stays as it is: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'JIT04';
END
$jit$;
REVOKE ALL ON FUNCTION public.jit_kept() FROM PUBLIC;
CREATE OR REPLACE FUNCTION public.jit_own_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
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
        WHEN NOT EXISTS (SELECT FROM public.may_write) THEN true
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
                SELECT FROM public.entries AS e WHERE e.index = (becomes ->> 'last_entry')::bigint
                    AND e.request_id = becomes ->> 'id' AND e.kind = 'revoked'
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
$jit$;
REVOKE ALL ON FUNCTION public.jit_own_rows() FROM PUBLIC;
CREATE OR REPLACE FUNCTION public.jit_person_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
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
        SELECT FROM public.entries AS e WHERE e.request_id IS NULL AND e.kind = 'person.erased' AND CASE
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
$jit$;
REVOKE ALL ON FUNCTION public.jit_person_key() FROM PUBLIC;
CREATE OR REPLACE FUNCTION public.jit_policy_text() RETURNS trigger
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
BEGIN
    IF NEW.version IS DISTINCT FROM encode(sha256(NEW.files), 'hex') THEN
        RAISE EXCEPTION 'a version of the rules is the SHA-256 of their text' USING ERRCODE = 'JIT04';
    END IF;
    RETURN NEW;
END
$jit$;
REVOKE ALL ON FUNCTION public.jit_policy_text() FROM PUBLIC;
CREATE OR REPLACE FUNCTION public.jit_checkpoint() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $jit$
BEGIN
    -- With the highest number there is, from whoever may write here, no signer could add another.
    IF NEW.number NOT BETWEEN 1 AND coalesce((SELECT max(c.number) FROM public.checkpoints AS c), 0) + 1000000000 THEN
        RAISE EXCEPTION 'checkpoint % is none of the next', NEW.number USING ERRCODE = 'JIT04';
    END IF;
    RETURN NEW;
END
$jit$;
REVOKE ALL ON FUNCTION public.jit_checkpoint() FROM PUBLIC;
CREATE OR REPLACE TRIGGER entries_kept BEFORE UPDATE OR DELETE ON public.entries FOR EACH ROW EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.entries ENABLE ALWAYS TRIGGER entries_kept;
CREATE OR REPLACE TRIGGER entries_not_emptied BEFORE TRUNCATE ON public.entries FOR EACH STATEMENT EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.entries ENABLE ALWAYS TRIGGER entries_not_emptied;
CREATE OR REPLACE TRIGGER checkpoints_kept BEFORE UPDATE OR DELETE ON public.checkpoints FOR EACH ROW EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.checkpoints ENABLE ALWAYS TRIGGER checkpoints_kept;
CREATE OR REPLACE TRIGGER checkpoints_not_emptied BEFORE TRUNCATE ON public.checkpoints FOR EACH STATEMENT EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.checkpoints ENABLE ALWAYS TRIGGER checkpoints_not_emptied;
CREATE OR REPLACE TRIGGER cosignatures_kept BEFORE UPDATE OR DELETE ON public.cosignatures FOR EACH ROW EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.cosignatures ENABLE ALWAYS TRIGGER cosignatures_kept;
CREATE OR REPLACE TRIGGER cosignatures_not_emptied BEFORE TRUNCATE ON public.cosignatures FOR EACH STATEMENT EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.cosignatures ENABLE ALWAYS TRIGGER cosignatures_not_emptied;
CREATE OR REPLACE TRIGGER policy_texts_kept BEFORE UPDATE OR DELETE ON public.policy_texts FOR EACH ROW EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.policy_texts ENABLE ALWAYS TRIGGER policy_texts_kept;
CREATE OR REPLACE TRIGGER policy_texts_not_emptied BEFORE TRUNCATE ON public.policy_texts FOR EACH STATEMENT EXECUTE FUNCTION public.jit_kept();
ALTER TABLE public.policy_texts ENABLE ALWAYS TRIGGER policy_texts_not_emptied;
CREATE OR REPLACE TRIGGER policy_texts_proven BEFORE INSERT ON public.policy_texts FOR EACH ROW EXECUTE FUNCTION public.jit_policy_text();
ALTER TABLE public.policy_texts ENABLE ALWAYS TRIGGER policy_texts_proven;
CREATE OR REPLACE TRIGGER checkpoints_numbered BEFORE INSERT ON public.checkpoints FOR EACH ROW EXECUTE FUNCTION public.jit_checkpoint();
ALTER TABLE public.checkpoints ENABLE ALWAYS TRIGGER checkpoints_numbered;
CREATE OR REPLACE TRIGGER person_keys_kept BEFORE INSERT OR UPDATE OR DELETE ON public.person_keys FOR EACH ROW EXECUTE FUNCTION public.jit_person_key();
ALTER TABLE public.person_keys ENABLE ALWAYS TRIGGER person_keys_kept;
CREATE OR REPLACE TRIGGER leases_own_rows BEFORE INSERT OR UPDATE OR DELETE ON public.leases FOR EACH ROW EXECUTE FUNCTION public.jit_own_rows();
ALTER TABLE public.leases ENABLE ALWAYS TRIGGER leases_own_rows;
CREATE OR REPLACE TRIGGER notes_own_rows BEFORE INSERT OR UPDATE OR DELETE ON public.notes FOR EACH ROW EXECUTE FUNCTION public.jit_own_rows();
ALTER TABLE public.notes ENABLE ALWAYS TRIGGER notes_own_rows;
CREATE OR REPLACE TRIGGER directory_own_rows BEFORE INSERT OR UPDATE OR DELETE ON public.directory FOR EACH ROW EXECUTE FUNCTION public.jit_own_rows();
ALTER TABLE public.directory ENABLE ALWAYS TRIGGER directory_own_rows;
CREATE OR REPLACE TRIGGER requests_own_rows BEFORE INSERT OR UPDATE OR DELETE ON public.requests FOR EACH ROW EXECUTE FUNCTION public.jit_own_rows();
ALTER TABLE public.requests ENABLE ALWAYS TRIGGER requests_own_rows;
ALTER FUNCTION public.jit_append(bytea[]) OWNER TO jit_owner;
ALTER FUNCTION public.jit_record(bytea[], bigint, text[], jsonb, jsonb) OWNER TO jit_owner;
ALTER FUNCTION public.jit_writable() OWNER TO jit_owner;
ALTER FUNCTION public.jit_kept() OWNER TO jit_owner;
ALTER FUNCTION public.jit_own_rows() OWNER TO jit_owner;
ALTER FUNCTION public.jit_person_key() OWNER TO jit_owner;
ALTER FUNCTION public.jit_policy_text() OWNER TO jit_owner;
ALTER FUNCTION public.jit_checkpoint() OWNER TO jit_owner;
REVOKE ALL ON DATABASE jit FROM PUBLIC, jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
GRANT CONNECT ON DATABASE jit TO jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
REVOKE ALL ON SCHEMA public FROM PUBLIC, jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
GRANT USAGE ON SCHEMA public TO jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
DO $jit$ DECLARE other regrole; BEGIN
    FOR other IN SELECT DISTINCT a.grantee::regrole FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.relnamespace = 'public'::regnamespace AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES'
            ' IN SCHEMA public FROM %s CASCADE', other);
    END LOOP;
    FOR other IN SELECT DISTINCT a.grantee::regrole FROM pg_proc AS p, aclexplode(p.proacl) AS a
        WHERE p.pronamespace = 'public'::regnamespace AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM %s CASCADE', other);
    END LOOP;
END $jit$;
GRANT SELECT ON public.checkpoints TO jit_bot;
GRANT SELECT ON public.cosignatures TO jit_bot;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.directory TO jit_bot;
GRANT SELECT ON public.entries TO jit_bot;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.leases TO jit_bot;
GRANT SELECT ON public.made_by TO jit_bot;
GRANT SELECT ON public.may_write TO jit_bot;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.notes TO jit_bot;
GRANT SELECT, INSERT ON public.person_keys TO jit_bot;
GRANT SELECT, INSERT ON public.policy_texts TO jit_bot;
GRANT SELECT, INSERT, UPDATE ON public.requests TO jit_bot;
GRANT SELECT ON public.checkpoints TO jit_hands;
GRANT SELECT ON public.cosignatures TO jit_hands;
GRANT SELECT ON public.directory TO jit_hands;
GRANT SELECT ON public.entries TO jit_hands;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.leases TO jit_hands;
GRANT SELECT ON public.made_by TO jit_hands;
GRANT SELECT ON public.may_write TO jit_hands;
GRANT SELECT, INSERT ON public.person_keys TO jit_hands;
GRANT SELECT, INSERT ON public.policy_texts TO jit_hands;
GRANT SELECT, INSERT, UPDATE ON public.requests TO jit_hands;
GRANT SELECT, INSERT ON public.checkpoints TO jit_signer;
GRANT SELECT, INSERT ON public.cosignatures TO jit_signer;
GRANT SELECT ON public.entries TO jit_signer;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.leases TO jit_signer;
GRANT SELECT ON public.made_by TO jit_signer;
GRANT SELECT ON public.may_write TO jit_signer;
GRANT SELECT ON public.policy_texts TO jit_signer;
GRANT SELECT ON public.checkpoints TO jit_auditor;
GRANT SELECT ON public.cosignatures TO jit_auditor;
GRANT SELECT ON public.directory TO jit_auditor;
GRANT SELECT ON public.entries TO jit_auditor;
GRANT SELECT ON public.made_by TO jit_auditor;
GRANT SELECT ON public.may_write TO jit_auditor;
GRANT SELECT, INSERT, DELETE ON public.notes TO jit_auditor;
GRANT SELECT, INSERT ON public.person_keys TO jit_auditor;
GRANT SELECT ON public.policy_texts TO jit_auditor;
GRANT SELECT, UPDATE ON public.requests TO jit_auditor;
GRANT SELECT ON public.checkpoints TO jit_privacy;
GRANT SELECT ON public.cosignatures TO jit_privacy;
GRANT SELECT, UPDATE, DELETE ON public.directory TO jit_privacy;
GRANT SELECT ON public.entries TO jit_privacy;
GRANT SELECT ON public.made_by TO jit_privacy;
GRANT SELECT ON public.may_write TO jit_privacy;
GRANT SELECT, DELETE ON public.notes TO jit_privacy;
GRANT SELECT, INSERT, DELETE ON public.person_keys TO jit_privacy;
GRANT SELECT ON public.policy_texts TO jit_privacy;
GRANT SELECT, UPDATE ON public.requests TO jit_privacy;
GRANT EXECUTE ON FUNCTION public.jit_append(bytea[]) TO jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
GRANT EXECUTE ON FUNCTION public.jit_record(bytea[], bigint, text[], jsonb, jsonb) TO jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
GRANT EXECUTE ON FUNCTION public.jit_writable() TO jit_bot, jit_hands, jit_signer, jit_auditor, jit_privacy;
DELETE FROM public.may_write;
INSERT INTO public.may_write (login, kind) VALUES
    ('jit_bot', 'alert'),
    ('jit_bot', 'approval'),
    ('jit_bot', 'approved'),
    ('jit_bot', 'denial'),
    ('jit_bot', 'denied'),
    ('jit_bot', 'lapsed'),
    ('jit_bot', 'policy.changed'),
    ('jit_bot', 'refused'),
    ('jit_bot', 'released'),
    ('jit_bot', 'requested'),
    ('jit_bot', 'requester.left'),
    ('jit_bot', 'revoked'),
    ('jit_bot', 'started'),
    ('jit_bot', 'withdrawn'),
    ('jit_hands', 'alert'),
    ('jit_hands', 'ended'),
    ('jit_hands', 'grant.failed'),
    ('jit_hands', 'grant.intent'),
    ('jit_hands', 'granted'),
    ('jit_hands', 'lapsed'),
    ('jit_hands', 'refused'),
    ('jit_hands', 'revoke.failed'),
    ('jit_hands', 'revoke.intent'),
    ('jit_hands', 'spool.taken'),
    ('jit_hands', 'started'),
    ('jit_signer', 'alert'),
    ('jit_signer', 'key.changed'),
    ('jit_signer', 'started'),
    ('jit_auditor', 'alert'),
    ('jit_auditor', 'record.read'),
    ('jit_auditor', 'refused'),
    ('jit_auditor', 'revoked'),
    ('jit_privacy', 'person.erased');
COMMIT;
