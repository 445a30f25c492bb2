-- Keys are integers; text is a key only where somebody asks by it. Times are milliseconds since 1970 in UTC.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES
  ('epoch', 0),    -- of the latest opening
  ('pruned', 0),   -- highest seq that was removed from frame
  ('last_run', 0), -- highest ids that were removed, so that they are not given again
  ('last_job', 0);

-- The change feed, and the logs of runs, in one. seq is dense until pruned.
CREATE TABLE frame (
  seq      INTEGER PRIMARY KEY,
  kind     INTEGER NOT NULL, -- store.SubjectKind
  subject  INTEGER NOT NULL,
  first    INTEGER NOT NULL,
  count    INTEGER NOT NULL, -- 0: a change of the row alone
  position INTEGER NOT NULL,
  data     BLOB
);
CREATE UNIQUE INDEX frame_log ON frame (kind, subject, first) WHERE count > 0;
CREATE INDEX frame_row ON frame (kind, subject) WHERE count = 0;

CREATE TABLE run (
  id       INTEGER PRIMARY KEY,
  owner    TEXT NOT NULL,
  machine  TEXT NOT NULL,
  name     TEXT,             -- NULL: none
  parent   INTEGER NOT NULL,
  status   INTEGER NOT NULL,
  resident INTEGER NOT NULL, -- 1 only while open
  ended    INTEGER,          -- NULL: open
  data     BLOB NOT NULL     -- the rest: see codec.go
);
CREATE UNIQUE INDEX run_name ON run (owner, name, machine);
CREATE INDEX run_machine ON run (machine);
CREATE INDEX run_resident ON run (id) WHERE resident = 1;
CREATE INDEX run_open ON run (id) WHERE ended IS NULL;
CREATE INDEX run_ended ON run (ended) WHERE ended IS NOT NULL;
CREATE INDEX run_parent ON run (parent) WHERE parent > 0;

CREATE TABLE run_label (
  name  TEXT NOT NULL,
  value TEXT NOT NULL,
  run   INTEGER NOT NULL,
  PRIMARY KEY (name, value, run)
) WITHOUT ROWID;
CREATE INDEX run_label_run ON run_label (run);

CREATE TABLE snapshot (
  run     INTEGER PRIMARY KEY,
  next    INTEGER NOT NULL,
  version INTEGER NOT NULL,
  data    BLOB NOT NULL
);

CREATE TABLE timer (
  run   INTEGER NOT NULL,
  timer INTEGER NOT NULL,
  at    INTEGER NOT NULL,
  PRIMARY KEY (run, timer)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (at, run, timer);

CREATE TABLE inbox (
  id   INTEGER PRIMARY KEY,
  run  INTEGER NOT NULL,
  key  TEXT NOT NULL,
  kind INTEGER NOT NULL,
  task INTEGER NOT NULL,
  ref  INTEGER NOT NULL,
  name TEXT NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (run, key)
);

CREATE TABLE value (
  id     INTEGER PRIMARY KEY,
  key    INTEGER NOT NULL, -- first 8 bytes of the digest: a third of the index that whole digests need
  digest BLOB NOT NULL,
  text   BLOB -- NULL: kept in the blobs
);
CREATE INDEX value_key ON value (key);
-- Which runs name a value; run 0 is whatever is never pruned.
CREATE TABLE value_ref (
  run   INTEGER NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (run, value)
) WITHOUT ROWID;
CREATE INDEX value_ref_value ON value_ref (value);

CREATE TABLE job (
  id      INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  owner   TEXT NOT NULL,
  space   TEXT NOT NULL,
  name    TEXT NOT NULL,
  key     TEXT, -- NULL: none
  queue   TEXT NOT NULL,
  run     INTEGER NOT NULL,
  state   INTEGER NOT NULL,
  ended   INTEGER,      -- NULL: open
  data    BLOB NOT NULL -- JSON of the job.Job without its Spec
);
CREATE UNIQUE INDEX job_name ON job (owner, space, name);
CREATE UNIQUE INDEX job_key ON job (key) WHERE key IS NOT NULL;
CREATE INDEX job_open ON job (id) WHERE ended IS NULL;
CREATE INDEX job_ended ON job (ended) WHERE ended IS NOT NULL;
CREATE INDEX job_run ON job (run) WHERE run > 0;

CREATE TABLE job_spec (
  job  INTEGER PRIMARY KEY,
  data BLOB NOT NULL -- JSON of the job.Spec
);

CREATE TABLE job_label (
  name  TEXT NOT NULL,
  value TEXT NOT NULL,
  job   INTEGER NOT NULL,
  PRIMARY KEY (name, value, job)
) WITHOUT ROWID;
CREATE INDEX job_label_job ON job_label (job);

CREATE TABLE replica (
  job     INTEGER NOT NULL,
  child   INTEGER NOT NULL,
  replica INTEGER NOT NULL,
  state   INTEGER NOT NULL,
  data    BLOB NOT NULL, -- JSON of the job.Replica
  PRIMARY KEY (job, child, replica)
) WITHOUT ROWID;

CREATE TABLE job_request (
  job  INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  why  TEXT NOT NULL,
  PRIMARY KEY (job, kind)
) WITHOUT ROWID;

CREATE TABLE object (
  id      INTEGER PRIMARY KEY,
  kind    TEXT NOT NULL,
  space   TEXT NOT NULL,
  name    TEXT NOT NULL,
  latest  INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  UNIQUE (kind, space, name)
);
CREATE TABLE object_version (
  object  INTEGER NOT NULL,
  version INTEGER NOT NULL,
  owner   TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  labels  TEXT NOT NULL, -- JSON
  deleted INTEGER NOT NULL,
  data    BLOB NOT NULL, -- compact JSON
  UNIQUE (object, version)
);
