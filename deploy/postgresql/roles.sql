-- The ledger's database and its logins. In psql, as a superuser; it asks for three passwords.
CREATE ROLE jit_owner LOGIN;
\password jit_owner
CREATE ROLE jit_bot LOGIN;
\password jit_bot
CREATE ROLE jit_hands LOGIN;
\password jit_hands
CREATE DATABASE jit OWNER jit_owner;
REVOKE ALL ON DATABASE jit FROM PUBLIC;
GRANT CONNECT ON DATABASE jit TO jit_bot, jit_hands;
