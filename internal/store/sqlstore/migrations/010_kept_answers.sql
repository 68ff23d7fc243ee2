-- Answers of the admin API that are given again when a request is sent again,
-- sealed. An older binary keeps none, and does again what it is asked again.
CREATE TABLE kept_answers (
    id      {blob} NOT NULL PRIMARY KEY,
    sealed  {blob} NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX kept_answers_created ON kept_answers (created);
