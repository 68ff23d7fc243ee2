-- What an organization's own people may grant to its clients, and how many
-- clients they may make; zero: any number. A binary that does not know these
-- keeps them as they are.
ALTER TABLE organizations ADD COLUMN max_clients BIGINT NOT NULL DEFAULT 0;

CREATE TABLE organization_grants (
    tenant          {text} NOT NULL,
    organization    {text} NOT NULL,
    position        BIGINT NOT NULL,
    resource_server {text} NOT NULL,
    scopes          {text} NOT NULL,
    PRIMARY KEY (tenant, organization, position),
    FOREIGN KEY (tenant, organization) REFERENCES organizations (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, resource_server) REFERENCES resource_servers (tenant, identifier)
) {clustered};
CREATE INDEX organization_grants_resource_server ON organization_grants (tenant, resource_server);
