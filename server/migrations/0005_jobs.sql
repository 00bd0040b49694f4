CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    account TEXT NOT NULL,
    place TEXT NOT NULL,
    base TEXT NOT NULL,
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    percent BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    result TEXT,
    error TEXT
);

CREATE INDEX jobs_place ON jobs (place, id);

CREATE TABLE test_runs (
    id TEXT PRIMARY KEY,
    base TEXT NOT NULL,
    pack TEXT NOT NULL,
    version TEXT NOT NULL,
    status TEXT NOT NULL,
    trigger_reason TEXT NOT NULL,
    executed_at BIGINT NOT NULL,
    report TEXT NOT NULL
);

CREATE INDEX test_runs_pack ON test_runs (base, pack, id);
