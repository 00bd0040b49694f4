CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value)
SELECT 'pack_indices', COALESCE(MAX(id), 0) FROM pack_indices;
