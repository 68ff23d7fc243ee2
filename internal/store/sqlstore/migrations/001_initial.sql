-- Words in {braces} are the engine's own (engine.go). Times are whole seconds
-- UTC unless the column says ms; NULL is the zero time. settings columns are
-- JSON that is carried and never queried.

-- minimum is the lowest schema version that a binary must know to run here. A
-- migration that an older binary cannot live with raises it.
CREATE TABLE schema_compatibility (
    minimum BIGINT NOT NULL
);
INSERT INTO schema_compatibility (minimum) VALUES (1);

-- Counters give sequence numbers without gaps: the row is updated in the
-- transaction that uses the number. token_summaries counts deletions in
-- token_shapes and token_minutes.
CREATE TABLE counters (
    name  {text} NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) {clustered};
INSERT INTO counters (name, value) VALUES ('changes', 0), ('events', 0), ('token_summaries', 0);

CREATE TABLE tenants (
    id         {text} NOT NULL PRIMARY KEY,
    issuer     {text} NOT NULL UNIQUE,
    protected  BOOLEAN NOT NULL,
    disabled   BOOLEAN NOT NULL,
    settings   {text} NOT NULL,
    managed_by {text} NOT NULL,
    version    BIGINT NOT NULL,
    created    BIGINT,
    updated    BIGINT
) {clustered};

-- Tenants may share an alias, as they may share the host of their issuers:
-- their paths tell them apart.
CREATE TABLE tenant_aliases (
    tenant   {text} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    alias    {text} NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant, alias)
) {clustered};
CREATE INDEX tenant_aliases_tenant ON tenant_aliases (tenant, position);

CREATE TABLE organizations (
    tenant     {text} NOT NULL REFERENCES tenants (id),
    id         {text} NOT NULL,
    name       {text} NOT NULL,
    managed_by {text} NOT NULL,
    version    BIGINT NOT NULL,
    created    BIGINT,
    updated    BIGINT,
    PRIMARY KEY (tenant, id)
) {clustered};

CREATE TABLE resource_servers (
    tenant     {text} NOT NULL REFERENCES tenants (id),
    identifier {text} NOT NULL,
    name       {text},
    settings   {text} NOT NULL,
    managed_by {text} NOT NULL,
    version    BIGINT NOT NULL,
    created    BIGINT,
    updated    BIGINT,
    PRIMARY KEY (tenant, identifier)
) {clustered};
CREATE UNIQUE INDEX resource_servers_name ON resource_servers (tenant, name);

CREATE TABLE clients (
    tenant          {text} NOT NULL REFERENCES tenants (id),
    id              {text} NOT NULL,
    name            {text} NOT NULL,
    organization    {text},
    disabled        BOOLEAN NOT NULL,
    disabled_reason {text} NOT NULL,
    purge_at        BIGINT,
    settings        {text} NOT NULL,
    managed_by      {text} NOT NULL,
    version         BIGINT NOT NULL,
    created         BIGINT,
    updated         BIGINT,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, organization) REFERENCES organizations (tenant, id)
) {clustered};
CREATE INDEX clients_name ON clients (tenant, name);
CREATE INDEX clients_organization ON clients (tenant, organization) WHERE organization IS NOT NULL;
CREATE INDEX clients_purge_at ON clients (purge_at) WHERE purge_at IS NOT NULL;

-- Identifiers of deleted clients. They outlive their tenant on purpose.
CREATE TABLE client_tombstones (
    tenant {text} NOT NULL,
    id     {text} NOT NULL,
    PRIMARY KEY (tenant, id)
) {clustered};

CREATE TABLE client_grants (
    tenant          {text} NOT NULL,
    client          {text} NOT NULL,
    position        BIGINT NOT NULL,
    resource_server {text} NOT NULL,
    scopes          {text} NOT NULL,
    PRIMARY KEY (tenant, client, position),
    FOREIGN KEY (tenant, client) REFERENCES clients (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, resource_server) REFERENCES resource_servers (tenant, identifier)
) {clustered};
CREATE INDEX client_grants_resource_server ON client_grants (tenant, resource_server);

CREATE TABLE client_secrets (
    tenant     {text} NOT NULL,
    client     {text} NOT NULL,
    id         {text} NOT NULL,
    position   BIGINT NOT NULL,
    name       {text} NOT NULL,
    hash       {text} NOT NULL,
    digest     {blob},
    hint       {text} NOT NULL,
    created_by {text} NOT NULL,
    created    BIGINT,
    expires    BIGINT,
    revoked    BIGINT,
    last_used  BIGINT,
    exposed    BIGINT,
    PRIMARY KEY (tenant, client, id),
    FOREIGN KEY (tenant, client) REFERENCES clients (tenant, id) ON DELETE CASCADE
) {clustered};

CREATE TABLE signing_keys (
    tenant         {text} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id             {text} NOT NULL,
    alg            {text} NOT NULL,
    jwk            {blob},
    sealed         {blob},
    created        BIGINT,
    signs_from     BIGINT,
    signs_until    BIGINT,
    verifies_until BIGINT,
    version        BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) {clustered};

-- ended_before_ms is in milliseconds: it is compared with those of a UUIDv7.
CREATE TABLE revocations (
    tenant          {text} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id              {text} NOT NULL,
    jti             {text} NOT NULL,
    client_id       {text} NOT NULL,
    key_id          {text} NOT NULL,
    ended_before_ms BIGINT,
    created         BIGINT,
    expires         BIGINT,
    PRIMARY KEY (tenant, id)
) {clustered};
CREATE INDEX revocations_expires ON revocations (expires) WHERE expires IS NOT NULL;

CREATE TABLE audit_events (
    seq            BIGINT NOT NULL PRIMARY KEY,
    time           BIGINT,
    tenant         {text} NOT NULL,
    actor_tenant   {text} NOT NULL,
    actor_client   {text} NOT NULL,
    actor_address  {text} NOT NULL,
    action         {text} NOT NULL,
    target         {text} NOT NULL,
    name           {text} NOT NULL,
    via            {text} NOT NULL,
    trace_id       {text} NOT NULL,
    members_before {blob},
    members_after  {blob}
) {clustered};
CREATE INDEX audit_events_tenant ON audit_events (tenant, seq);

CREATE TABLE changes (
    seq    BIGINT NOT NULL PRIMARY KEY,
    kind   {text} NOT NULL,
    tenant {text} NOT NULL,
    id     {text} NOT NULL
) {clustered};

CREATE TABLE data_keys (
    name    {text} NOT NULL PRIMARY KEY,
    sealed  {blob},
    created BIGINT
) {clustered};

-- What stored tokens have in common, so that a token's own row is narrow.
-- until is not before the expiry of any token of the shape.
CREATE TABLE token_shapes (
    id        {serial},
    digest    {blob} NOT NULL UNIQUE,
    tenant    {text} NOT NULL,
    client_id {text} NOT NULL,
    subject   {text} NOT NULL,
    scope     {text} NOT NULL,
    audience  {text} NOT NULL,
    until     BIGINT NOT NULL
);
CREATE INDEX token_shapes_tenant ON token_shapes (tenant);
CREATE INDEX token_shapes_until ON token_shapes (until);

-- The key begins with the time at which the token was made, so that new rows
-- go to the end.
CREATE TABLE tokens (
    token_key {blob} NOT NULL PRIMARY KEY,
    shape     BIGINT NOT NULL,
    jti       {blob} NOT NULL,
    issued    BIGINT NOT NULL,
    expires   BIGINT NOT NULL
) {clustered};

-- In which minutes tokens were made that end in a given minute. By this the
-- sweep finds what has expired: an index of expiries would hold every key a
-- second time.
CREATE TABLE token_minutes (
    expires BIGINT NOT NULL,
    made    BIGINT NOT NULL,
    PRIMARY KEY (expires, made)
) {clustered};
