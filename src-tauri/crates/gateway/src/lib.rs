//! The HTTP edge: guard, tokens, routes, sessions.
