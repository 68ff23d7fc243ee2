-- What may be used once and was used: assertions (RFC 7523) and proofs (RFC
-- 9449), by a hash. An older binary takes neither.
CREATE TABLE replays (
    id      {blob} NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
) {clustered};
CREATE INDEX replays_expires ON replays (expires);
