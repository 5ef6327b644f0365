//! Child processes: start, watch, stop, and keep their logs.
