CREATE TABLE downloads (
    pack TEXT NOT NULL,
    version TEXT NOT NULL,
    day BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (pack, version, day)
);
