-- One start of the engine. A call that began in an earlier run and has no end will never get one.
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL
) STRICT;

-- What crossed, in the order of `id`, never changed. A call has two rows: one that says it began,
-- and one that says it ended, whose `call` is the `id` of the first. Times are milliseconds since
-- 1970 (UTC). The long texts come last, so that a list is read without them.
--
-- There are no foreign keys: a row that is removed because of its age must not depend on another
-- one, and each would be looked up at each call.
CREATE TABLE entries (
    id               INTEGER PRIMARY KEY,
    run              INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    step             TEXT NOT NULL CHECK (step IN ('began', 'ended', 'noted')),
    call             INTEGER,
    kind             TEXT,
    client           TEXT,
    client_says      TEXT,
    server           TEXT,
    subject          TEXT,
    outcome          TEXT,
    duration_us      INTEGER,
    note             TEXT,
    arguments_bytes  INTEGER,
    arguments_sha256 BLOB,
    result_bytes     INTEGER,
    result_sha256    BLOB,
    sent_bytes       INTEGER,
    arguments        TEXT,
    result           TEXT,
    CHECK ((step = 'ended') = (call IS NOT NULL)),
    CHECK ((step = 'ended') = (kind IS NULL))
) STRICT;

-- A call ends once, and its end is found by it.
CREATE UNIQUE INDEX entries_by_call ON entries (call) WHERE call IS NOT NULL;

-- Nearly every row is a tool call, so an index would not find them faster than the table does, but
-- would cost each call a page more to write. Queries say `kind <> 'toolCall'` to use this one.
CREATE INDEX entries_by_kind ON entries (kind) WHERE call IS NULL AND kind <> 'toolCall';

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
BEGIN
    SELECT RAISE(ABORT, 'the record is append-only');
END;

CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries
BEGIN
    SELECT RAISE(ABORT, 'the record is append-only');
END;

-- What a person switched and that holds until it is switched back.
CREATE TABLE kept (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
