-- The same table with another way to say which steps there are: for an IN with three values SQLite
-- builds a table in memory at each row, which cost a call more than writing its rows.
CREATE TABLE entries_2 (
    id               INTEGER PRIMARY KEY,
    run              INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    step             TEXT NOT NULL CHECK (step = 'began' OR step = 'ended' OR step = 'noted'),
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

INSERT INTO entries_2 SELECT * FROM entries;
-- With it go its indexes and triggers.
DROP TABLE entries;
ALTER TABLE entries_2 RENAME TO entries;

CREATE UNIQUE INDEX entries_by_call ON entries (call) WHERE call IS NOT NULL;

CREATE INDEX entries_by_kind ON entries (kind) WHERE call IS NULL AND kind <> 'toolCall';

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
BEGIN
    SELECT RAISE(ABORT, 'the record is append-only');
END;

CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries
BEGIN
    SELECT RAISE(ABORT, 'the record is append-only');
END;
