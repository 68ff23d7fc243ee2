-- What is kept of a secret's rotation, brown-out and warnings. A binary that
-- does not know these columns writes a client's secrets without them: its own
-- expiry, which is what ends a secret, is in a column that it knows.
ALTER TABLE client_secrets ADD COLUMN retiring BIGINT;
ALTER TABLE client_secrets ADD COLUMN previous_expires BIGINT;
ALTER TABLE client_secrets ADD COLUMN successor {text};
ALTER TABLE client_secrets ADD COLUMN paused_until BIGINT;
ALTER TABLE client_secrets ADD COLUMN last_used_from {text};
ALTER TABLE client_secrets ADD COLUMN announced BIGINT;
CREATE INDEX client_secrets_expires ON client_secrets (expires, tenant, client, id) WHERE expires IS NOT NULL AND revoked IS NULL;
