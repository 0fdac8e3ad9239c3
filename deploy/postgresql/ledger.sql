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
                (!exists($."at") || ($."at".type() == "string" && $."at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s"))
                && (!exists($."actor") || ($."actor".type() == "string" && ($."actor" == "" || !($."actor" like_regex "^(.{200}){1}.{0}." flag "s")) || $."actor".type() == "object" && exists($."actor"."sealed")))
                && (!exists($."source") || ($."source".type() == "string" && ($."source" == "slack" || $."source" == "cli" || $."source" == "worker" || $."source" == "timekeeper" || $."source" == "bot" || $."source" == "signer")))
                && (!exists($."spooled") || ($."spooled".type() == "boolean"))
                && (!exists($."name") || ($."name".type() == "string" && ($."name" == "end_late" || $."name" == "end_at_risk" || $."name" == "end_not_begun" || $."name" == "not_begun" || $."name" == "policy_broken" || $."name" == "grant_late" || $."name" == "left_behind" || $."name" == "grant_failed" || $."name" == "requester_left" || $."name" == "target_unusable" || $."name" == "foreign_slack" || $."name" == "foreign_grant" || $."name" == "record_broken" || $."name" == "spool_refused" || $."name" == "spool_broken" || $."name" == "spool_full" || $."name" == "audit_changed" || $."name" == "not_shown" || $."name" == "checkpoint_missing" || $."name" == "email_changed" || $."name" == "checkpoint_refused")))
                && (!exists($."says") || ($."says".type() == "string" || $."says".type() == "object" && exists($."says"."sealed")))
                && (!exists($."request_id") || ($."kind" == "alert" || $."kind" == "refused") && (($."request_id".type() == "string") || ($."request_id".type() == "null")) || ($."kind" == "approval" || $."kind" == "approved" || $."kind" == "denial" || $."kind" == "denied" || $."kind" == "ended" || $."kind" == "escalated" || $."kind" == "grant.failed" || $."kind" == "grant.intent" || $."kind" == "granted" || $."kind" == "lapsed" || $."kind" == "released" || $."kind" == "requested" || $."kind" == "requester.left" || $."kind" == "revoke.failed" || $."kind" == "revoke.intent" || $."kind" == "revoked" || $."kind" == "withdrawn") && ($."request_id".type() == "string"))
                && (!exists($."requester") || ($."kind" == "alert" || $."kind" == "refused") && (($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed")) || ($."requester".type() == "null")) || ($."kind" == "approval" || $."kind" == "approved" || $."kind" == "denial" || $."kind" == "denied" || $."kind" == "ended" || $."kind" == "escalated" || $."kind" == "grant.failed" || $."kind" == "grant.intent" || $."kind" == "granted" || $."kind" == "lapsed" || $."kind" == "person.rebound" || $."kind" == "released" || $."kind" == "requested" || $."kind" == "requester.left" || $."kind" == "revoke.failed" || $."kind" == "revoke.intent" || $."kind" == "revoked" || $."kind" == "withdrawn") && ($."requester".type() == "string" && ($."requester" == "" || !($."requester" like_regex "^(.{200}){1}.{0}." flag "s")) || $."requester".type() == "object" && exists($."requester"."sealed")))
                && (!exists($."access") || ($."kind" == "alert" || $."kind" == "refused") && (($."access".type() == "string") || ($."access".type() == "null")) || ($."kind" == "approval" || $."kind" == "approved" || $."kind" == "denial" || $."kind" == "denied" || $."kind" == "ended" || $."kind" == "escalated" || $."kind" == "grant.failed" || $."kind" == "grant.intent" || $."kind" == "granted" || $."kind" == "lapsed" || $."kind" == "released" || $."kind" == "requested" || $."kind" == "requester.left" || $."kind" == "revoke.failed" || $."kind" == "revoke.intent" || $."kind" == "revoked" || $."kind" == "withdrawn") && ($."access".type() == "string"))
                && (!exists($."target") || ($."kind" == "alert" || $."kind" == "refused") && (($."target".type() == "string") || ($."target".type() == "null")) || ($."kind" == "approval" || $."kind" == "approved" || $."kind" == "denial" || $."kind" == "denied" || $."kind" == "ended" || $."kind" == "escalated" || $."kind" == "grant.failed" || $."kind" == "grant.intent" || $."kind" == "granted" || $."kind" == "lapsed" || $."kind" == "released" || $."kind" == "requested" || $."kind" == "requester.left" || $."kind" == "revoke.failed" || $."kind" == "revoke.intent" || $."kind" == "revoked" || $."kind" == "withdrawn") && ($."target".type() == "string"))
                && (!exists($."principal") || ($."kind" == "alert") && (($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed")) || ($."principal".type() == "null")) || ($."kind" == "approval" || $."kind" == "approved" || $."kind" == "denial" || $."kind" == "denied" || $."kind" == "ended" || $."kind" == "escalated" || $."kind" == "grant.failed" || $."kind" == "grant.intent" || $."kind" == "granted" || $."kind" == "lapsed" || $."kind" == "released" || $."kind" == "requested" || $."kind" == "requester.left" || $."kind" == "revoke.failed" || $."kind" == "revoke.intent" || $."kind" == "revoked" || $."kind" == "withdrawn") && ($."principal".type() == "string" && ($."principal" == "" || !($."principal" like_regex "^(.{200}){1}.{0}." flag "s")) || $."principal".type() == "object" && exists($."principal"."sealed")))
                && (!exists($."permissions") || ($."permissions".type() == "array" && !($."permissions"[*].type() != "string")))
                && (!exists($."why") || ($."why".type() == "string" && ($."why" == "" || !($."why" like_regex "^(.{200}){10}.{0}." flag "s")) || $."why".type() == "object" && exists($."why"."sealed")))
                && (!exists($."incident") || (($."incident".type() == "string" || $."incident".type() == "object" && exists($."incident"."sealed")) || ($."incident".type() == "null")))
                && (!exists($."policy_version") || ($."kind" == "approval" || $."kind" == "approved" || $."kind" == "denial" || $."kind" == "denied" || $."kind" == "ended" || $."kind" == "escalated" || $."kind" == "grant.failed" || $."kind" == "grant.intent" || $."kind" == "granted" || $."kind" == "lapsed" || $."kind" == "policy.changed" || $."kind" == "released" || $."kind" == "requested" || $."kind" == "requester.left" || $."kind" == "revoke.failed" || $."kind" == "revoke.intent" || $."kind" == "revoked" || $."kind" == "started" || $."kind" == "withdrawn") && ($."policy_version".type() == "string") || ($."kind" == "refused") && (($."policy_version".type() == "string") || ($."policy_version".type() == "null")))
                && (!exists($."approver") || ($."approver".type() == "string" && ($."approver" == "" || !($."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || $."approver".type() == "object" && exists($."approver"."sealed")))
                && (!exists($."digest") || ($."digest".type() == "string" || $."digest".type() == "object" && exists($."digest"."sealed")))
                && (!exists($."quorums") || ($."quorums".type() == "array" && !($."quorums"[*].type() != "string")))
                && (!exists($."groups_as_of") || (($."groups_as_of".type() == "string" && $."groups_as_of" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s") || ($."groups_as_of".type() == "null")))
                && (!exists($."proof") || (($."proof".type() == "string") || ($."proof".type() == "null")))
                && (!exists($."counted") || ($."counted".type() == "array" && !($."counted"[*].type() != "object") && !exists($."counted"[*] ? (!(@.type() == "object" && !exists(@.keyvalue() ? (@.key != "approval" && @.key != "approver" && @.key != "quorum")) && (@."approval".type() == "string" && @."approval" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" flag "s") && (@."approver".type() == "string" && (@."approver" == "" || !(@."approver" like_regex "^(.{200}){1}.{0}." flag "s")) || @."approver".type() == "object" && exists(@."approver"."sealed")) && (@."quorum".type() == "string"))))))
                && (!exists($."begin_by") || ($."begin_by".type() == "string" && $."begin_by" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s"))
                && (!exists($."by_rule") || ($."by_rule".type() == "string" || $."by_rule".type() == "object" && exists($."by_rule"."sealed")))
                && (!exists($."until") || ($."until".type() == "string" && $."until" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s"))
                && (!exists($."substitute") || ($."substitute".type() == "string" && ($."substitute" == "" || !($."substitute" like_regex "^(.{200}){1}.{0}." flag "s")) || $."substitute".type() == "object" && exists($."substitute"."sealed")))
                && (!exists($."group") || ($."group".type() == "string"))
                && (!exists($."reason") || ($."kind" == "denial" || $."kind" == "denied" || $."kind" == "person.rebound" || $."kind" == "revoked") && ($."reason".type() == "string" && ($."reason" == "" || !($."reason" like_regex "^(.{200}){10}.{0}." flag "s")) || $."reason".type() == "object" && exists($."reason"."sealed")) || ($."kind" == "grant.failed" || $."kind" == "revoke.failed") && ($."reason".type() == "string" || $."reason".type() == "object" && exists($."reason"."sealed")) || ($."kind" == "refused") && ($."reason".type() == "string" && ($."reason" == "unknown_request" || $."reason" == "not_allowed_to_ask" || $."reason" == "not_allowed_to_decide" || $."reason" == "not_allowed_to_end" || $."reason" == "not_yours" || $."reason" == "own_request" || $."reason" == "already_approved" || $."reason" == "already_denied" || $."reason" == "already_open" || $."reason" == "not_possible_now" || $."reason" == "lapsed" || $."reason" == "card_changed" || $."reason" == "rules_changed" || $."reason" == "nobody_could_approve" || $."reason" == "no_principal" || $."reason" == "bad_input" || $."reason" == "wrong_workspace" || $."reason" == "bad_standing" || $."reason" == "cannot_look_up" || $."reason" == "stale_groups" || $."reason" == "policy_broken" || $."reason" == "quorum_gone" || $."reason" == "not_needed" || $."reason" == "not_yet" || $."reason" == "no_rule" || $."reason" == "condition_gone" || $."reason" == "condition_unknown" || $."reason" == "malformed" || $."reason" == "busy" || $."reason" == "too_many" || $."reason" == "email_changed" || $."reason" == "shared_account" || $."reason" == "bad_ticket")))
                && (!exists($."cause") || ($."cause".type() == "string" && ($."cause" == "expired" || $."cause" == "released" || $."cause" == "revoked" || $."cause" == "recovered" || $."cause" == "late" || $."cause" == "deactivated" || $."cause" == "left_rules")))
                && (!exists($."existed") || ($."existed".type() == "boolean"))
                && (!exists($."sessions") || ($."sessions".type() == "number"))
                && (!exists($."left_behind") || ($."left_behind".type() == "array" && !($."left_behind"[*].type() != "string") || $."left_behind".type() == "object" && exists($."left_behind"."sealed")))
                && (!exists($."escalation") || ($."kind" == "escalated") && ($."escalation".type() == "object" && !exists($."escalation".keyvalue() ? (@.key != "after" && @.key != "to")) && ($."escalation"."after".type() == "string" && $."escalation"."after" like_regex "^P(?=[0-9T])([0-9]{1,2}Y)?([0-9]{1,3}D)?(T(?=[0-9])([0-9]{1,2}H)?([0-9]{1,2}M)?([0-9]{1,2}([.][0-9]{1,6})?S)?)?$" flag "s") && ($."escalation"."to".type() == "array" && !($."escalation"."to"[*].type() != "string"))) || ($."kind" == "requested") && (($."escalation".type() == "object" && !exists($."escalation".keyvalue() ? (@.key != "after" && @.key != "to")) && ($."escalation"."after".type() == "string" && $."escalation"."after" like_regex "^P(?=[0-9T])([0-9]{1,2}Y)?([0-9]{1,3}D)?(T(?=[0-9])([0-9]{1,2}H)?([0-9]{1,2}M)?([0-9]{1,2}([.][0-9]{1,6})?S)?)?$" flag "s") && ($."escalation"."to".type() == "array" && !($."escalation"."to"[*].type() != "string"))) || ($."escalation".type() == "null")))
                && (!exists($."ends_at") || ($."ends_at".type() == "string" && $."ends_at" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s"))
                && (!exists($."held_before") || ($."held_before".type() == "array" && !($."held_before"[*].type() != "string")))
                && (!exists($."end_order") || (($."end_order".type() == "string" || $."end_order".type() == "object" && exists($."end_order"."sealed")) || ($."end_order".type() == "null")))
                && (!exists($."read_back") || ($."read_back".type() == "array" && !($."read_back"[*].type() != "string")))
                && (!exists($."how_to_connect") || (($."how_to_connect".type() == "string" && ($."how_to_connect" == "" || !($."how_to_connect" like_regex "^(.{200}){2}.{100}." flag "s")) || $."how_to_connect".type() == "object" && exists($."how_to_connect"."sealed")) || ($."how_to_connect".type() == "null")))
                && (!exists($."key") || ($."key".type() == "string"))
                && (!exists($."before") || ($."kind" == "key.changed") && (($."before".type() == "string") || ($."before".type() == "null")) || ($."kind" == "policy.changed") && ($."before".type() == "string"))
                && (!exists($."because") || ($."kind" == "lapsed") && ($."because".type() == "string" && ($."because" == "unanswered" || $."because" == "not_begun" || $."because" == "no_longer_approved" || $."because" == "rules_changed" || $."because" == "left_rules" || $."because" == "deactivated")) || ($."kind" == "requester.left") && ($."because".type() == "string" && ($."because" == "deactivated" || $."because" == "left_rules")))
                && (!exists($."legal_basis") || ($."legal_basis".type() == "string"))
                && (!exists($."email") || ($."email".type() == "string" || $."email".type() == "object" && exists($."email"."sealed")))
                && (!exists($."changes") || ($."changes".type() == "array" && !($."changes"[*].type() != "string")))
                && (!exists($."commit") || (($."commit".type() == "string") || ($."commit".type() == "null")))
                && (!exists($."author") || (($."author".type() == "string" && ($."author" == "" || !($."author" like_regex "^(.{200}){1}.{0}." flag "s")) || $."author".type() == "object" && exists($."author"."sealed")) || ($."author".type() == "null")))
                && (!exists($."reviewed_by") || (($."reviewed_by".type() == "string" && ($."reviewed_by" == "" || !($."reviewed_by" like_regex "^(.{200}){1}.{0}." flag "s")) || $."reviewed_by".type() == "object" && exists($."reviewed_by"."sealed")) || ($."reviewed_by".type() == "null")))
                && (!exists($."how") || ($."how".type() == "string" && ($."how" == "search" || $."how" == "tail" || $."how" == "export" || $."how" == "prove" || $."how" == "mirror_check")))
                && (!exists($."asked") || ($."asked".type() == "string" && ($."asked" == "" || !($."asked" like_regex "^(.{200}){10}.{0}." flag "s")) || $."asked".type() == "object" && exists($."asked"."sealed")))
                && (!exists($."after") || ($."after".type() == "number"))
                && (!exists($."attempted") || ($."attempted".type() == "string"))
                && (!exists($."duration") || ($."duration".type() == "string" && $."duration" like_regex "^P(?=[0-9T])([0-9]{1,2}Y)?([0-9]{1,3}D)?(T(?=[0-9])([0-9]{1,2}H)?([0-9]{1,2}M)?([0-9]{1,2}([.][0-9]{1,6})?S)?)?$" flag "s"))
                && (!exists($."channel") || ($."channel".type() == "string"))
                && (!exists($."risk") || ($."risk".type() == "string"))
                && (!exists($."needs") || ($."needs".type() == "array" && !($."needs"[*].type() != "object") && !exists($."needs"[*] ? (!(@.type() == "object" && !exists(@.keyvalue() ? (@.key != "label" && @.key != "who" && @.key != "count" && @.key != "stage")) && (@."label".type() == "string") && (@."who".type() == "array" && !(@."who"[*].type() != "string")) && (@."count".type() == "number") && (@."stage".type() == "number"))))))
                && (!exists($."pending_until") || ($."pending_until".type() == "string" && $."pending_until" like_regex "^((19|2[0-9])[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?Z$" flag "s"))
                && (!exists($."rule") || ($."rule".type() == "string"))
                && (!exists($."different_people") || ($."different_people".type() == "boolean"))
                && (!exists($."denials_needed") || ($."denials_needed".type() == "number"))
                && (!exists($."inputs") || (($."inputs".type() == "string" || $."inputs".type() == "object" && exists($."inputs"."sealed")) || ($."inputs".type() == "null")))
                && (!exists($."attempts") || ($."attempts".type() == "number"))
                && (!exists($."host") || ($."host".type() == "string"))
                && (!exists($."first") || ($."first".type() == "number"))
                && (!exists($."last") || ($."last".type() == "number"))
                && (!exists($."head") || ($."head".type() == "string"))
                && (!exists($."process") || ($."process".type() == "string"))
                && (!exists($."version") || ($."version".type() == "string"))
                && (!exists($."warnings") || ($."warnings".type() == "array" && !($."warnings"[*].type() != "string")))'::jsonpath;
    wrong text;
    fact jsonb;
    fact_kind text;
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
            SELECT FROM public.may_write AS m WHERE m.login = session_user::text AND m.kind = fact_kind
        ) THEN
            RAISE EXCEPTION 'the login % may not record %', session_user, fact_kind USING ERRCODE = 'JIT02';
        END IF;
        must := CASE fact_kind
            WHEN 'alert' THEN ARRAY['at', 'actor', 'source', 'name', 'says']
            WHEN 'approval' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'approver', 'digest', 'quorums', 'groups_as_of']
            WHEN 'approved' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'digest', 'counted', 'begin_by']
            WHEN 'away' THEN ARRAY['at', 'actor', 'source', 'until', 'substitute']
            WHEN 'back' THEN ARRAY['at', 'actor', 'source']
            WHEN 'denial' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'approver', 'digest', 'reason']
            WHEN 'denied' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'approver', 'digest', 'reason']
            WHEN 'ended' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'cause', 'existed', 'sessions', 'left_behind']
            WHEN 'escalated' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'escalation']
            WHEN 'grant.failed' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'reason']
            WHEN 'grant.intent' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'ends_at', 'held_before']
            WHEN 'granted' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'ends_at', 'read_back']
            WHEN 'key.changed' THEN ARRAY['at', 'actor', 'source', 'key']
            WHEN 'lapsed' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'because']
            WHEN 'person.erased' THEN ARRAY['at', 'actor', 'source', 'key', 'legal_basis']
            WHEN 'person.rebound' THEN ARRAY['at', 'actor', 'source', 'requester', 'email', 'reason']
            WHEN 'policy.changed' THEN ARRAY['at', 'actor', 'source', 'policy_version', 'before']
            WHEN 'record.read' THEN ARRAY['at', 'actor', 'source', 'how', 'asked', 'after']
            WHEN 'refused' THEN ARRAY['at', 'actor', 'source', 'attempted', 'reason']
            WHEN 'released' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version']
            WHEN 'requested' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'duration', 'channel', 'risk', 'needs', 'pending_until']
            WHEN 'requester.left' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'because']
            WHEN 'revoke.failed' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'reason', 'attempts']
            WHEN 'revoke.intent' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'cause']
            WHEN 'revoked' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version', 'reason']
            WHEN 'spool.taken' THEN ARRAY['at', 'actor', 'source', 'host', 'first', 'last', 'head']
            WHEN 'started' THEN ARRAY['at', 'actor', 'source', 'process', 'version', 'policy_version']
            WHEN 'withdrawn' THEN ARRAY['at', 'actor', 'source', 'request_id', 'requester', 'access', 'target', 'permissions', 'principal', 'why', 'incident', 'policy_version']
        END;
        may := CASE fact_kind
            WHEN 'alert' THEN ARRAY['id', 'spooled', 'kind', 'request_id', 'requester', 'access', 'target', 'principal']
            WHEN 'approval' THEN ARRAY['id', 'spooled', 'kind', 'proof']
            WHEN 'approved' THEN ARRAY['id', 'spooled', 'kind', 'by_rule']
            WHEN 'away' THEN ARRAY['id', 'spooled', 'kind', 'group']
            WHEN 'back' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'denial' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'denied' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'ended' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'escalated' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'grant.failed' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'grant.intent' THEN ARRAY['id', 'spooled', 'kind', 'end_order']
            WHEN 'granted' THEN ARRAY['id', 'spooled', 'kind', 'how_to_connect']
            WHEN 'key.changed' THEN ARRAY['id', 'spooled', 'kind', 'before']
            WHEN 'lapsed' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'person.erased' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'person.rebound' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'policy.changed' THEN ARRAY['id', 'spooled', 'kind', 'changes', 'commit', 'author', 'reviewed_by']
            WHEN 'record.read' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'refused' THEN ARRAY['id', 'spooled', 'kind', 'request_id', 'requester', 'access', 'target', 'permissions', 'policy_version']
            WHEN 'released' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'requested' THEN ARRAY['id', 'spooled', 'kind', 'rule', 'different_people', 'denials_needed', 'inputs', 'escalation']
            WHEN 'requester.left' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'revoke.failed' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'revoke.intent' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'revoked' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'spool.taken' THEN ARRAY['id', 'spooled', 'kind']
            WHEN 'started' THEN ARRAY['id', 'spooled', 'kind', 'warnings']
            WHEN 'withdrawn' THEN ARRAY['id', 'spooled', 'kind']
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
        INSERT INTO public.entries (index, id, recorded_at, kind, request_id, body, hash)
            VALUES (last_index, fact ->> 'id', told_at, fact_kind, fact ->> 'request_id', body, last_hash)
            ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'entry % holds a fact that is recorded already', last_index USING ERRCODE = 'JIT03';
        END IF;
    END LOOP;
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
    -- Kinds of fact that are a step in the life of a request.
    steps CONSTANT text[] := ARRAY['approval', 'approved', 'denial', 'denied', 'ended', 'escalated', 'grant.failed', 'grant.intent', 'granted', 'lapsed', 'released', 'requested', 'requester.left', 'revoke.failed', 'revoke.intent', 'revoked', 'withdrawn'];
    bodies bytea[] := '{}';
    body bytea;
    fact bytea;
    following bigint;
    moment text;
    drawn public.requests;
BEGIN
    -- 1. Alone from here to the end of the transaction.
    PERFORM pg_advisory_xact_lock(6973812);
    -- 2. What the facts rest on is still so.
    IF follows <> '{}' AND EXISTS (
        SELECT FROM jsonb_each_text(follows) AS f WHERE f.value::bigint <> coalesce(
            (SELECT max(e.index) FROM public.entries AS e WHERE e.request_id = f.key AND e.kind = ANY (steps)), 0)
    ) THEN
        RAISE EXCEPTION 'a request has changed meanwhile' USING ERRCODE = 'JIT05';
    END IF;
    IF keys <> '{}' AND (SELECT count(*) FROM public.person_keys AS k WHERE k.id = ANY (keys)) <> cardinality(keys) THEN
        RAISE EXCEPTION 'a key of a person is gone meanwhile' USING ERRCODE = 'JIT06';
    END IF;
    -- 3. Their place: behind the last, and not dated before it.
    SELECT e.index + 1, e.hash, e.recorded_at INTO first, previous, recorded_at
        FROM public.entries AS e ORDER BY e.index DESC LIMIT 1;
    first := coalesce(first, 1);
    previous := coalesce(previous, repeat('0', 64));
    recorded_at := greatest(recorded_at, CASE WHEN EXISTS (SELECT FROM public.may_write)
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
    PERFORM public.jit_append(bodies);
    -- 5. What the read model says of the requests now; `last_entry` comes counted from the first of these entries.
    FOR drawn IN SELECT * FROM jsonb_populate_recordset(NULL::public.requests, rows) LOOP
        drawn.last_entry := first + drawn.last_entry;
        UPDATE public.requests AS r SET kind = drawn.kind, state = drawn.state, version = drawn.version,
                requester = drawn.requester, access = drawn.access, target = drawn.target, asked_at = drawn.asked_at,
                ends_at = drawn.ends_at, over_at = drawn.over_at, wakes_at = drawn.wakes_at,
                last_entry = drawn.last_entry
            WHERE r.id = drawn.id;
        IF NOT FOUND THEN
            INSERT INTO public.requests SELECT drawn.*;
        END IF;
    END LOOP;
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
    ('jit_bot', 'away'),
    ('jit_bot', 'back'),
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
    ('jit_hands', 'escalated'),
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
    ('jit_auditor', 'person.rebound'),
    ('jit_auditor', 'record.read'),
    ('jit_auditor', 'refused'),
    ('jit_auditor', 'revoked'),
    ('jit_privacy', 'person.erased');
COMMIT;
