-- The hash that links a row to those before it. Rows that are there already are
-- linked by the migration (event.go); those that a binary writes which does not
-- know the column, by the next one that does.
ALTER TABLE audit_events ADD COLUMN hash {blob};
CREATE INDEX audit_events_unlinked ON audit_events (seq) WHERE hash IS NULL;
