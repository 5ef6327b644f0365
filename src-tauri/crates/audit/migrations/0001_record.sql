-- One start of the engine. A call that began in an earlier run and has no end will never get one.
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL
) STRICT;

-- What crossed, in the order of `id`, without gaps and never changed. A call has two rows: one that
-- says it began, and one that says it ended, whose `call` is the `id` of the first. Times are
-- milliseconds since 1970 (UTC). The long texts come last, so that the rest is read without them.
--
-- `chain` is SHA-256 over the chain of the row before and all other columns of this one.
--
-- There is no index: each would cost a call a page to write. What is looked for is found by another
-- file, which is made from this one. And there are no foreign keys: a row that is removed because
-- of its age must not depend on another one.
CREATE TABLE entries (
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
    decision         TEXT,
    reason           TEXT,
    outcome          TEXT,
    -- How long the call waited for the person before it began or was refused.
    waited_ms        INTEGER,
    duration_us      INTEGER,
    -- The app's own id of the request, as JSON.
    request          TEXT,
    -- The id the request had on its way to the server.
    upstream         INTEGER,
    note             TEXT,
    -- How much of arguments and result is kept: 'shapes', 'nothing', or all of it.
    kept             TEXT,
    -- What only some kinds of rows have, as a JSON object.
    details          TEXT,
    arguments_bytes  INTEGER,
    arguments_sha256 BLOB,
    result_bytes     INTEGER,
    result_sha256    BLOB,
    sent_bytes       INTEGER,
    chain            BLOB NOT NULL,
    arguments        TEXT,
    result           TEXT,
    CHECK ((step = 'ended') = (call IS NOT NULL)),
    CHECK ((step = 'ended') = (kind IS NULL))
) STRICT;

-- Rows below this one may be removed. The chain and time are those of the last of them.
CREATE TABLE removal (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    before INTEGER NOT NULL,
    chain  BLOB NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
INSERT INTO removal (one, before, chain, at) VALUES (1, 1, zeroblob(32), 0);

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
BEGIN
    SELECT RAISE(ABORT, 'the record is append-only');
END;

CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries
WHEN old.id >= (SELECT before FROM removal)
BEGIN
    SELECT RAISE(ABORT, 'the record is append-only');
END;

-- What a person switched and that holds until it is switched back.
CREATE TABLE kept (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
