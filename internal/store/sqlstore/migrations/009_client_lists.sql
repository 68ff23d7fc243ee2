-- When a tenant that was deleted is gone for good. A binary that does not know
-- the column leaves such a tenant disabled, and deletes none.
ALTER TABLE tenants ADD COLUMN purge_at BIGINT;
CREATE INDEX tenants_purge_at ON tenants (purge_at) WHERE purge_at IS NOT NULL;

-- The orders in which clients are listed; those by their secrets are made when
-- they are asked for.
CREATE INDEX clients_folded_name ON clients (tenant, (lower(name)), id);
CREATE INDEX clients_created ON clients (tenant, (COALESCE(created, 0)), id);

-- What one client asked for.
CREATE INDEX requests_client ON requests (tenant, client_id, trace_id);

-- What a file declares, in whatever tenant.
CREATE INDEX tenants_managed_by ON tenants (managed_by);
CREATE INDEX organizations_managed_by ON organizations (managed_by, tenant);
CREATE INDEX resource_servers_managed_by ON resource_servers (managed_by, tenant);
CREATE INDEX clients_managed_by ON clients (managed_by, tenant);
