CREATE TABLE pack_configs (
    base TEXT NOT NULL,
    ref TEXT NOT NULL,
    sealed TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (base, ref)
);
