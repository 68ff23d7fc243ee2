-- How a client authenticates, where that is not by secret alone: a JSON object
-- with its methods and its public keys. A binary that does not know the column
-- takes the client's secrets, if it has any, and no assertion of it.
ALTER TABLE clients ADD COLUMN authentication {text};
