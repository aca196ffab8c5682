-- Two databases, each with a role of its own and no rights on the other. PostgreSQL's image runs this once, when the
-- cluster is new. The passwords are files that only this container reads.
\set auth_password `cat /run/secrets/auth_password`
\set todo_password `cat /run/secrets/todo_password`
\set todo_owner_password `cat /run/secrets/todo_owner_password`

-- Each process keeps at most 20 connections; the limits leave room for two or three of each service.
CREATE ROLE auth LOGIN CONNECTION LIMIT 110 PASSWORD :'auth_password';
CREATE ROLE todo LOGIN CONNECTION LIMIT 70 PASSWORD :'todo_password';
CREATE ROLE todo_owner LOGIN CONNECTION LIMIT 5 PASSWORD :'todo_owner_password';  -- migrations only

CREATE DATABASE auth OWNER auth;
CREATE DATABASE todo OWNER todo_owner;

-- By default everybody may connect to every database, and make temporary tables there.
REVOKE ALL ON DATABASE auth, todo, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE todo TO todo;

\connect auth
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO auth;

\connect todo
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO todo_owner;
GRANT USAGE ON SCHEMA public TO todo;
