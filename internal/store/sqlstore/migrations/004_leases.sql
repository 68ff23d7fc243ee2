-- Which process does what one alone should do.
CREATE TABLE leases (
    name   {text} NOT NULL PRIMARY KEY,
    holder {text} NOT NULL,
    until  BIGINT NOT NULL
) {clustered};
