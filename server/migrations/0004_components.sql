CREATE TABLE packs (
    base TEXT NOT NULL,
    ref TEXT NOT NULL,
    id BIGINT NOT NULL,
    version TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    PRIMARY KEY (base, ref)
);

CREATE TABLE components (
    base TEXT NOT NULL,
    pack TEXT NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    PRIMARY KEY (base, pack, kind, ref)
);
