//! A server with a typed model of the protocol, which is what most servers are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod peer;

use std::sync::Arc;

use drawbridge_mcp::catalog::read_offer;
use drawbridge_mcp::{CallEvent, Outcome, Request, stdio};
use drawbridge_model::ServerName;
use peer::{caller, options, raw, result, within};
use rmcp::model::{
    CallToolResult, ContentBlock, ElicitRequestParams, ElicitationSchema, Implementation,
    ProgressNotificationParam, RequestMetaObject, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler, ServiceExt, tool, tool_handler, tool_router,
};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

#[derive(Clone)]
struct Typed {
    cancelled: Arc<Notify>,
}

#[tool_router]
impl Typed {
    /// Counts and says so.
    #[tool]
    async fn count(
        &self,
        meta: RequestMetaObject,
        client: Peer<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let token = meta.get_progress_token().expect("the token crosses");
        for step in 0..20 {
            let progress = ProgressNotificationParam::new(token.clone(), f64::from(step));
            client.notify_progress(progress).await.expect("the client is there");
        }
        Ok(CallToolResult::success(vec![ContentBlock::text("counted")]))
    }

    /// Asks the person.
    #[tool]
    async fn ask(&self, client: Peer<RoleServer>) -> Result<CallToolResult, ErrorData> {
        let answer = client
            .create_elicitation(ElicitRequestParams::FormElicitationParams {
                meta: None,
                message: "Sure?".to_owned(),
                requested_schema: ElicitationSchema::builder().build().expect("a schema"),
            })
            .await
            .expect("the question is answered");
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("{:?}", answer.action))]))
    }

    /// Waits until it is cancelled.
    #[tool]
    async fn wait(&self, context: RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
        context.ct.cancelled().await;
        self.cancelled.notify_one();
        Ok(CallToolResult::success(vec![]))
    }
}

#[tool_handler]
impl ServerHandler for Typed {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("typed", "3"))
    }
}

#[tokio::test]
async fn a_typed_server_is_listed_called_asked_back_and_cancelled() {
    let cancelled = Arc::new(Notify::new());
    let server = Typed { cancelled: Arc::clone(&cancelled) };
    let (ours, theirs) = tokio::io::duplex(4096);
    let tasks = TaskTracker::new();
    tasks.spawn(async move {
        let running = server.serve(tokio::io::split(theirs)).await.expect("opens");
        drop(running.waiting().await);
    });
    let (read, write) = tokio::io::split(ours);
    let (connection, _events) =
        within("opening", stdio::connect(write, read, options())).await.expect("opens");
    assert_eq!(connection.opening().server_name, "typed");
    assert_eq!(connection.opening().protocol, "2025-11-25");

    let mut warnings = Vec::new();
    let server = ServerName::new("typed").unwrap();
    let offer = within("a list", read_offer(&server, &connection, &mut warnings)).await.unwrap();
    let mut names: Vec<&str> = offer.tools.iter().map(|tool| &*tool.exposed).collect();
    names.sort_unstable();
    assert_eq!(names, ["typed__ask", "typed__count", "typed__wait"]);
    assert!(offer.tools.iter().all(|tool| tool.input_schema().is_some()));
    assert_eq!(warnings, Vec::<String>::new());

    let params = raw(r#"{"name":"count","arguments":{},"_meta":{"progressToken":"mine"}}"#);
    let request = Request::new("tools/call", Some(&params), caller(1));
    let mut call = connection.request(request).await.unwrap();
    let mut steps = 0;
    let answer = loop {
        match within("an event", call.next()).await {
            CallEvent::Notification { params, .. } => {
                let params: serde_json::Value =
                    serde_json::from_str(params.unwrap().get()).unwrap();
                assert_eq!(params["progressToken"], "mine");
                steps += 1;
            }
            CallEvent::Done(outcome) => break result(outcome),
            other => panic!("not expected: {other:?}"),
        }
    };
    assert!(answer.contains("counted"), "{answer}");
    assert!(steps > 0, "progress crosses");

    let params = raw(r#"{"name":"ask"}"#);
    let request = Request::new("tools/call", Some(&params), caller(1));
    let mut call = connection.request(request).await.unwrap();
    let CallEvent::Question(question) = within("a question", call.next()).await else {
        panic!("a question comes before the result");
    };
    question.answer(Outcome::Result(raw(r#"{"action":"decline"}"#)));
    let CallEvent::Done(outcome) = within("the result", call.next()).await else {
        panic!("the result");
    };
    assert!(result(outcome).contains("Decline"));

    let params = raw(r#"{"name":"wait"}"#);
    let request = Request::new("tools/call", Some(&params), caller(1));
    drop(connection.request(request).await.unwrap());
    within("the cancellation", cancelled.notified()).await;

    connection.close().await;
    tasks.close();
    within("the server's end", tasks.wait()).await;
}
