-- The DPoP key that stored tokens are bound to (RFC 9449 §6.1), by its thumbprint;
-- empty: none. An older binary makes bearer tokens alone, and takes one that is
-- bound for no token at all: its kind is another.
ALTER TABLE token_shapes ADD COLUMN jkt {text} NOT NULL DEFAULT '';
