-- How requests to token endpoints ended: counted by the minute, and moved to
-- hours and days when they are old. step is the span in seconds; audience and
-- scope are lists separated by spaces.
CREATE TABLE usage_counts (
    tenant   {text} NOT NULL,
    start    BIGINT NOT NULL,
    step     BIGINT NOT NULL,
    client   {text} NOT NULL,
    reason   {text} NOT NULL,
    audience {text} NOT NULL,
    scope    {text} NOT NULL,
    count    BIGINT NOT NULL,
    lifetime BIGINT NOT NULL,
    PRIMARY KEY (tenant, start, step, client, reason, audience, scope)
) {clustered};
CREATE INDEX usage_counts_start ON usage_counts (step, start);
