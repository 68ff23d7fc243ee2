-- The people who administer. An older binary knows none of them and shows no
-- console; its audit rows name no operator.
CREATE TABLE operators (
    id           {text} NOT NULL PRIMARY KEY,
    email        {text} NOT NULL UNIQUE,
    name         {text} NOT NULL,
    role         {text} NOT NULL,
    disabled     BOOLEAN NOT NULL,
    last_sign_in BIGINT,
    version      BIGINT NOT NULL,
    created      BIGINT,
    updated      BIGINT
) {clustered};

-- Members go with their organization: a later one of the same name has none.
CREATE TABLE operator_memberships (
    operator     {text} NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    tenant       {text} NOT NULL,
    organization {text} NOT NULL,
    role         {text} NOT NULL,
    PRIMARY KEY (operator, tenant, organization),
    FOREIGN KEY (tenant, organization) REFERENCES organizations (tenant, id) ON DELETE CASCADE
) {clustered};
CREATE INDEX operator_memberships_organization ON operator_memberships (tenant, organization);

-- step and failures are compared and counted where they are written.
CREATE TABLE operator_credentials (
    kind      {text} NOT NULL,
    id        {text} NOT NULL,
    operator  {text} NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    name      {text} NOT NULL,
    data      {blob},
    step      BIGINT NOT NULL,
    failures  BIGINT NOT NULL,
    created   BIGINT,
    last_used BIGINT,
    PRIMARY KEY (kind, id)
) {clustered};
CREATE INDEX operator_credentials_operator ON operator_credentials (operator);

CREATE TABLE operator_sessions (
    id           {text} NOT NULL PRIMARY KEY,
    operator     {text} NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    method       {text} NOT NULL,
    tenant       {text} NOT NULL,
    organization {text} NOT NULL,
    created      BIGINT,
    last_seen    BIGINT,
    expires      BIGINT,
    address      {text} NOT NULL,
    user_agent   {text} NOT NULL
) {clustered};
CREATE INDEX operator_sessions_operator ON operator_sessions (operator);

CREATE TABLE invitations (
    id           {text} NOT NULL PRIMARY KEY,
    hash         {text} NOT NULL UNIQUE,
    kind         {text} NOT NULL,
    email        {text} NOT NULL,
    name         {text} NOT NULL,
    role         {text} NOT NULL,
    tenant       {text},
    organization {text},
    operator     {text} REFERENCES operators (id) ON DELETE CASCADE,
    created_by   {text} NOT NULL,
    created      BIGINT,
    expires      BIGINT,
    FOREIGN KEY (tenant, organization) REFERENCES organizations (tenant, id) ON DELETE CASCADE
) {clustered};
CREATE INDEX invitations_organization ON invitations (tenant, organization) WHERE tenant IS NOT NULL;
CREATE INDEX invitations_operator ON invitations (operator) WHERE operator IS NOT NULL;

-- What was used and must not be used again before it expires by itself.
CREATE TABLE spent_challenges (
    id      {text} NOT NULL PRIMARY KEY,
    expires BIGINT
) {clustered};

ALTER TABLE audit_events ADD COLUMN actor_operator {text} NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN actor_email {text} NOT NULL DEFAULT '';
