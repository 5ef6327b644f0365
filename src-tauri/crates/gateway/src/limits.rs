//! Bounds that keep one app, or one broken connection, from using up what all share.

use std::time::Duration;

/// Bounds of the gateway. The default is what is served; tests shorten the times.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at once. Above it the oldest that never showed a valid token makes room;
    /// if all have shown one, the newest connection is closed.
    pub connections: usize,
    /// How long a connection may take to send a request's head, and how long it may idle between
    /// two requests.
    pub head_time: Duration,
    /// The most bytes a request's head may have.
    pub head_bytes: usize,
    /// How long a request's body may take to arrive.
    pub body_time: Duration,
    /// The most bytes a request's body may have.
    pub body_bytes: usize,
    /// The most bytes a request to a model may have: it may hold pictures. What is passed on as it
    /// comes has no bound.
    pub model_body_bytes: usize,
    /// How long a call may take before its answer becomes a stream.
    pub stream_after: Duration,
    /// How long a call may take in all, whatever its server says meanwhile (2025-11-25,
    /// basic/lifecycle, timeouts). What waits for the person counts too.
    pub call_time: Duration,
    /// How long a call goes on after its app has gone, in the revisions where a closed connection
    /// is not a cancellation.
    pub grace_after_loss: Duration,
    /// Sessions one client may have; the one idle for longest makes room.
    pub sessions_per_client: usize,
    /// How long a session without a request, a call or a stream is kept.
    pub session_idle: Duration,
    /// Calls one session may have in flight.
    pub calls_per_session: usize,
    /// Listening streams one session may have.
    pub streams_per_session: usize,
    /// Resources one session may be subscribed to.
    pub subscriptions_per_session: usize,
    /// How often a quiet stream carries a comment, so that both ends notice when the other is gone.
    pub keep_alive: Duration,
    /// How long a question waits for the person before it is denied.
    pub question_time: Duration,
    /// The same for an app that is told meanwhile that its call goes on.
    pub question_time_with_progress: Duration,
    /// How often it is told so.
    pub question_progress: Duration,
    /// Refused requests put on record one by one in a minute. The rest is counted.
    pub refusals_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            head_time: Duration::from_secs(60),
            head_bytes: 64 * 1024,
            body_time: Duration::from_secs(60),
            body_bytes: 16 * 1024 * 1024,
            model_body_bytes: 64 * 1024 * 1024,
            stream_after: Duration::from_secs(1),
            call_time: Duration::from_secs(6 * 60 * 60),
            grace_after_loss: Duration::from_secs(30),
            sessions_per_client: 64,
            session_idle: Duration::from_secs(30 * 60),
            calls_per_session: 256,
            streams_per_session: 8,
            subscriptions_per_session: 1024,
            keep_alive: Duration::from_secs(15),
            question_time: Duration::from_secs(50),
            question_time_with_progress: Duration::from_secs(5 * 60),
            question_progress: Duration::from_secs(10),
            refusals_per_minute: 30,
        }
    }
}
