CREATE TABLE pack_indices (
    id BIGINT PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    name TEXT,
    position BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    headers TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
