-- Who may do what with the ledger's tables, once they are made. In psql, connected to the database jit, as a superuser.
-- Nobody but the owner may change or delete an entry, and the owner may no longer log in.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM jit_bot, jit_hands;
GRANT SELECT ON made_by TO jit_bot, jit_hands;
GRANT SELECT, INSERT ON entries TO jit_bot, jit_hands;
GRANT SELECT, INSERT, UPDATE ON requests TO jit_bot, jit_hands;
GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO jit_bot, jit_hands;
GRANT SELECT, INSERT, UPDATE, DELETE ON notes, directory TO jit_bot;
GRANT SELECT ON directory TO jit_hands;
ALTER ROLE jit_owner NOLOGIN;
