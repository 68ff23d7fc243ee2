-- Command lines that wait to be signed in. An older binary has no such command,
-- and takes the session of one for that of a browser whose cookie nobody has.
CREATE TABLE pairings (
    id           {text} NOT NULL PRIMARY KEY,
    hash         {text} NOT NULL UNIQUE,
    code         {text} NOT NULL,
    host         {text} NOT NULL,
    address      {text} NOT NULL,
    user_agent   {text} NOT NULL,
    operator     {text} REFERENCES operators (id) ON DELETE CASCADE,
    tenant       {text} NOT NULL,
    organization {text} NOT NULL,
    denied       BOOLEAN NOT NULL,
    created      BIGINT,
    expires      BIGINT
) {clustered};
CREATE INDEX pairings_operator ON pairings (operator) WHERE operator IS NOT NULL;
