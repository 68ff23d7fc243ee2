-- The request log: what was refused, and what was answered with a warning. The
-- key is the trace id of the first of equal requests, which is ordered by time.
CREATE TABLE requests (
    trace_id      {text} NOT NULL PRIMARY KEY,
    tenant        {text} NOT NULL,
    first         BIGINT NOT NULL,
    last          BIGINT NOT NULL,
    count         BIGINT NOT NULL,
    client_id     {text} NOT NULL,
    client_name   {text} NOT NULL,
    endpoint      {text} NOT NULL,
    dialect       {text} NOT NULL,
    auth_method   {text} NOT NULL,
    grant_type    {text} NOT NULL,
    address       {text} NOT NULL,
    error         {text} NOT NULL,
    reason        {text} NOT NULL,
    status        BIGINT NOT NULL,
    notes         {text} NOT NULL,
    second        {text} NOT NULL,
    owner_tenant  {text} NOT NULL,
    owner_client  {text} NOT NULL,
    scope_asked   {text} NOT NULL,
    scope_granted {text} NOT NULL,
    ignored       {text} NOT NULL,
    did_you_mean  {text} NOT NULL
) {clustered};
CREATE INDEX requests_tenant ON requests (tenant, trace_id);
CREATE INDEX requests_last ON requests (last);

-- Trace ids of the other requests that share a row of requests.
CREATE TABLE request_traces (
    trace_id {text} NOT NULL PRIMARY KEY,
    request  {text} NOT NULL REFERENCES requests (trace_id) ON DELETE CASCADE
) {clustered};
CREATE INDEX request_traces_request ON request_traces (request);

-- Which clients still do what their ladder has a rung for.
CREATE TABLE ladder_uses (
    tenant  {text} NOT NULL,
    client  {text} NOT NULL,
    rung    {text} NOT NULL,
    count   BIGINT NOT NULL,
    first   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    address {text} NOT NULL,
    PRIMARY KEY (tenant, client, rung),
    FOREIGN KEY (tenant, client) REFERENCES clients (tenant, id) ON DELETE CASCADE
) {clustered};

-- Whose a secret or an identifier is, whatever the tenant.
CREATE INDEX client_secrets_hash ON client_secrets (hash);
CREATE INDEX clients_id ON clients (id);
