//! What servers offer: read in full, merged, followed, and taken away.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod peer;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use drawbridge_mcp::catalog::{Scope, Tool, ToolAnnotations, read_offer};
use drawbridge_mcp::{
    Bulletin, CatalogStore, ConnectError, Connection, FollowInto, ListKind, Notice, Offer,
    PerClient, Reach, Upstream, Upstreams, follow, names, relay,
};
use drawbridge_model::{ClientName, ServerName, ToolName};
use futures_util::FutureExt as _;
use peer::{Peer, connect, raw, within};
use tokio_util::task::TaskTracker;

fn server(name: &str) -> ServerName {
    ServerName::new(name).unwrap()
}

fn client(name: &str) -> ClientName {
    ClientName::new(name).unwrap()
}

/// Answers the next request, which must be of this method, and gives its parameters.
async fn serve(peer: &mut Peer, method: &str, result: &str) -> serde_json::Value {
    let request = peer.hear().await;
    assert_eq!(request["method"], method);
    peer.answer(&request["id"], result).await;
    request["params"].clone()
}

async fn offer_of(capabilities: &str, pages: &[(&str, &str)]) -> (Offer, Vec<String>) {
    let (mut peer, connection, _events) = connect(capabilities).await;
    let mut warnings = Vec::new();
    let name = server("my files");
    let script = async {
        let mut params = Vec::new();
        for (method, page) in pages {
            params.push(serve(&mut peer, method, page).await);
        }
        params
    };
    let (offer, _) = tokio::join!(read_offer(&name, &connection, &mut warnings), script);
    (offer.unwrap(), warnings)
}

#[tokio::test]
async fn every_page_of_every_declared_list_is_read() {
    let (mut peer, connection, _events) =
        connect(r#"{"tools":{},"prompts":{},"resources":{}}"#).await;
    let mut warnings = Vec::new();
    let name = server("my files");
    let script = async {
        let first = serve(
            &mut peer,
            "tools/list",
            r#"{"tools":[{ "vendor":1e3,"name" : "re\u0061d","inputSchema":{"type":"object","minimum":1.0},"annotations":{"title":"Read","readOnlyHint":true,"destructiveHint":false,"openWorldHint":"?"}}],"nextCursor":"a\"b"}"#,
        );
        assert_eq!(first.await, serde_json::json!({}));
        let second = serve(
            &mut peer,
            "tools/list",
            r#"{"tools":[{"name":"write","title":"Write","description":"ü","outputSchema":{}}],"nextCursor":null}"#,
        );
        assert_eq!(second.await, serde_json::json!({"cursor": "a\"b"}));
        serve(&mut peer, "prompts/list", r#"{"prompts":[{"name":"a b"}]}"#).await;
        serve(&mut peer, "resources/list", r#"{"resources":[{"uri":"file:///a b"}]}"#).await;
        serve(
            &mut peer,
            "resources/templates/list",
            r#"{"resourceTemplates":[{"uriTemplate":"file:///{path}","n":1e3}]}"#,
        )
        .await;
    };
    let (offer, ()) = tokio::join!(read_offer(&name, &connection, &mut warnings), script);
    let offer = offer.unwrap();
    assert_eq!(warnings, Vec::<String>::new());

    let slug = names::slug("my files");
    let [read, write] = &offer.tools[..] else { panic!("two tools") };
    assert_eq!(read.name.as_str(), "read");
    assert_eq!(&*read.exposed, format!("{slug}__read"));
    assert_eq!(
        read.exposed_raw.get(),
        read.raw.get().replace("\"re\\u0061d\"", &format!("\"{slug}__read\"")),
        "only the name is exchanged"
    );
    assert_eq!(read.input_schema().unwrap().get(), r#"{"type":"object","minimum":1.0}"#);
    assert!(read.output_schema().is_none());
    assert_eq!(read.title.as_deref(), Some("Read"));
    let claims =
        ToolAnnotations { read_only: Some(true), destructive: Some(false), ..Default::default() };
    assert_eq!(read.annotations, claims);
    assert_eq!((write.title.as_deref(), write.description.as_deref()), (Some("Write"), Some("ü")));
    assert_eq!(&*offer.prompts[0].exposed, names::exposed_name("my files", "a b"));
    let prefix = names::uri_prefix("my files");
    assert_eq!(offer.resources[0].exposed_raw.get(), format!(r#"{{"uri":"{prefix}file:///a b"}}"#));
    assert_eq!(
        offer.templates[0].exposed_raw.get(),
        format!(r#"{{"uriTemplate":"{prefix}file:///{{path}}","n":1e3}}"#)
    );
}

#[tokio::test]
async fn what_a_person_looks_at_changes_a_tools_digest_and_nothing_else_does() {
    let digest = async |entry: &str| {
        let page = format!(r#"{{"tools":[{entry}]}}"#);
        offer_of(r#"{"tools":{}}"#, &[("tools/list", &page)]).await.0.tools[0].digest
    };
    let plain =
        digest(r#"{"name":"a","description":"Reads.","inputSchema":{"type":"object"}}"#).await;
    for same in [
        r#"{"description":"Reads.","inputSchema":{"type":"object"},"name":"a"}"#,
        r#"{"name":"a","description":"Reads.","inputSchema":{"type":"object"},"_meta":{"n":1}}"#,
        r#"{ "name": "a", "description": "Reads.", "inputSchema": {"type":"object"}, "icons": [] }"#,
    ] {
        assert_eq!(digest(same).await, plain, "{same}");
    }
    let others = [
        r#"{"name":"b","description":"Reads.","inputSchema":{"type":"object"}}"#,
        r#"{"name":"a","description":"Reads. And sends it on.","inputSchema":{"type":"object"}}"#,
        r#"{"name":"a","description":"Reads.","inputSchema":{"type":"object","x":1}}"#,
        r#"{"name":"a","description":"Reads.","inputSchema":{"type":"object"},"title":"A"}"#,
        r#"{"name":"a","description":"Reads.","inputSchema":{"type":"object"},"outputSchema":{}}"#,
        r#"{"name":"a","description":"Reads.","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#,
        r#"{"name":"a","inputSchema":{"type":"object"}}"#,
        r#"{"name":"a","description":"","inputSchema":{"type":"object"}}"#,
    ];
    let mut seen = vec![plain];
    for other in others {
        let digest = digest(other).await;
        assert!(!seen.contains(&digest), "{other}");
        seen.push(digest);
    }
}

#[tokio::test]
async fn a_list_that_is_broken_in_places_is_used_where_it_is_not() {
    let long = "n".repeat(600);
    let page = format!(
        r#"{{"tools":[7,{{"title":"no name"}},{{"name":""}},{{"name":"a","name":"b"}},{{"name":"{long}"}},{{"name":"good"}},{{"name":"good"}}],"nextCursor":"x"}}"#
    );
    let last = r#"{"tools":[{"name":"last"}],"nextCursor":"x"}"#;
    let (offer, warnings) =
        offer_of(r#"{"tools":{}}"#, &[("tools/list", &page), ("tools/list", last)]).await;
    let names: Vec<&str> = offer.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["good", "last"]);
    // Five bad entries, a cursor that came twice, a name that came twice.
    assert_eq!(warnings.len(), 7, "{warnings:#?}");

    for page in ["7", "{}", r#"{"tools":{}}"#, r#"{"tools":[],"tools":[]}"#] {
        let (offer, _) = offer_of(r#"{"tools":{}}"#, &[("tools/list", page)]).await;
        assert!(offer.tools.is_empty());
    }
    let (offer, warnings) = offer_of("{}", &[]).await;
    assert!(
        offer.tools.is_empty() && warnings.is_empty(),
        "nothing is asked that was not declared"
    );
}

#[tokio::test]
async fn a_server_that_never_stops_listing_is_cut_off() {
    let (mut peer, connection, _events) = connect(r#"{"tools":{}}"#).await;
    let tasks = TaskTracker::new();
    tasks.spawn(async move {
        let mut page = 0;
        loop {
            let tools: Vec<String> =
                (0..100).map(|tool| format!(r#"{{"name":"t{page}-{tool}"}}"#)).collect();
            let text = format!(r#"{{"tools":[{}],"nextCursor":"{page}"}}"#, tools.join(","));
            serve(&mut peer, "tools/list", &text).await;
            page += 1;
        }
    });
    let mut warnings = Vec::new();
    let offer = read_offer(&server("s"), &connection, &mut warnings).await.unwrap();
    assert_eq!(offer.tools.len(), 10_000);
    assert_eq!(warnings.len(), 1);
}

fn into(
    name: &str,
    catalog: &Arc<CatalogStore>,
    bulletin: &Bulletin,
) -> (FollowInto, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (rubbish, warnings) = (Arc::clone(&told), Arc::clone(&told));
    let into = FollowInto {
        publish: {
            let (catalog, name) = (Arc::clone(catalog), server(name));
            Box::new(move |offer| {
                catalog.publish(&name, offer);
                async {}.boxed()
            })
        },
        bulletin: bulletin.clone(),
        on_rubbish: Box::new(move |line| rubbish.lock().unwrap().push(line)),
        on_warning: Box::new(move |line| warnings.lock().unwrap().push(line)),
    };
    (into, told)
}

#[tokio::test]
async fn a_followed_server_is_published_kept_current_and_stays_listed_when_it_ends() {
    let catalog = Arc::new(CatalogStore::new());
    let bulletin = Bulletin::new();
    let mut news = bulletin.listen();
    let (mut peer, connection, events) =
        connect(r#"{"tools":{"listChanged":true},"prompts":{}}"#).await;
    let (into, told) = into("files", &catalog, &bulletin);
    let following = follow(server("files"), connection, events, into);
    let catalog = &catalog;
    let script = async move {
        serve(&mut peer, "tools/list", r#"{"tools":[{"name":"read"}]}"#).await;
        serve(&mut peer, "prompts/list", r#"{"prompts":[{"name":"sum"}]}"#).await;
        let opened = within("news", news.recv()).await.unwrap();
        assert!(matches!(&*opened, Notice::Opened { .. }), "{opened:?}");
        let mut changed = async |expected: ListKind| {
            let notice = within("news", news.recv()).await.unwrap();
            assert!(
                matches!(&*notice, Notice::ListChanged { kind, client: None, .. } if *kind == expected),
                "{notice:?}"
            );
        };
        changed(ListKind::Tools).await;
        changed(ListKind::Prompts).await;
        let (name, tool) = catalog
            .snapshot()
            .tool("files__read")
            .map(|(name, tool)| (name.clone(), tool.clone()))
            .unwrap();
        assert_eq!((name.as_str(), tool.name.as_str()), ("files", "read"));

        // A burst of changes is one reading, and the news come when the catalog shows it.
        peer.say("hello").await;
        for _ in 0..20 {
            peer.say(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#).await;
        }
        peer.say(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
        assert_eq!(peer.hear().await["id"], 1);
        serve(&mut peer, "tools/list", r#"{"tools":[{"name":"write"}]}"#).await;
        changed(ListKind::Tools).await;
        let current = catalog.snapshot();
        assert!(current.tool("files__read").is_none() && current.tool("files__write").is_some());
        assert!(current.prompt("files__sum").is_some(), "other lists stay");

        drop(peer);
    };
    let (why, ()) = tokio::join!(following, script);
    assert_eq!(why, "The server ended.");
    assert!(catalog.load().tool("files__write").is_some(), "it may be back in a moment");
    assert_eq!(*told.lock().unwrap(), ["hello"]);
}

#[tokio::test]
async fn what_one_clients_connection_says_is_for_that_client() {
    let (mut peer, _connection, events) = connect("{}").await;
    let bulletin = Bulletin::new();
    let mut news = bulletin.listen();
    let relaying = relay(server("files"), client("vscode"), events, bulletin);
    let script = async {
        peer.say(
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"alert"}}"#,
        )
        .await;
        let notice = within("news", news.recv()).await.unwrap();
        assert!(notice.is_for(&client("vscode")) && !notice.is_for(&client("other")));
        assert_eq!(notice.server().as_str(), "files");
        drop(peer);
    };
    let (why, ()) = tokio::join!(relaying, script);
    assert_eq!(why, "The server ended.");
}

fn tool(server: &str, name: &str) -> Tool {
    let exposed = names::exposed_name(server, name);
    let entry = |name: &str| raw(&format!(r#"{{"name":"{name}","pad":"{}"}}"#, "x".repeat(500)));
    Tool {
        name: ToolName::new(name).unwrap(),
        raw: entry(name),
        exposed_raw: entry(&exposed),
        exposed: exposed.into(),
        title: None,
        description: None,
        annotations: ToolAnnotations::default(),
        digest: [0; 32],
    }
}

fn offer(server: &str, tools: usize) -> Offer {
    let tools = (0..tools).map(|index| tool(server, &format!("t{index}"))).collect();
    Offer { tools: Arc::new(tools), ..Offer::default() }
}

#[test]
fn servers_are_merged_and_told_apart() {
    let store = CatalogStore::new();
    let changes = store.changes();
    store.publish(&server("a b"), offer("a b", 2));
    store.publish(&server("a_b"), offer("a_b", 1));
    assert_eq!(*changes.borrow(), 2);
    let catalog = store.snapshot();
    let exposed = names::exposed_name("a b", "t0");
    assert_eq!(catalog.tool(&exposed).unwrap().0.as_str(), "a b");
    assert_eq!(catalog.tool("a_b__t0").unwrap().0.as_str(), "a_b");
    assert!(catalog.tool("a_b__t1").is_none());
    assert!(catalog.tool_of("a b", "t1").is_some() && catalog.tool_of("a_b", "t1").is_none());
    for name in ["a b", "a_b"] {
        let exposed = names::exposed_uri(name, "x:y");
        let (found, uri) = catalog.resource(&exposed).unwrap();
        assert_eq!((found.as_str(), uri), (name, "x:y"));
    }
    assert!(catalog.resource("drawbridge+nobody:x:y").is_none());

    let list = |scope| -> Vec<String> {
        let list = catalog.list_tools(scope, |_, tool| tool.name.as_str() != "t1");
        let list: serde_json::Value = serde_json::from_str(&list).expect("a list is JSON");
        let tools = list["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list(Scope::Merged), [exposed, "a_b__t0".to_owned()]);
    assert_eq!(list(Scope::Server("a b")), ["t0"]);
    assert!(list(Scope::Server("nobody")).is_empty());
    assert_eq!(catalog.list_prompts(Scope::Merged, |_| true), r#"{"prompts":[]}"#);
    assert_eq!(catalog.list_templates(Scope::Merged, |_| true), r#"{"resourceTemplates":[]}"#);

    store.withdraw(&server("a b"));
    assert!(store.load().server("a b").is_none());
    assert!(catalog.server("a b").is_some(), "a catalog in hand does not change");
}

#[test]
fn a_list_is_its_entries_joined_as_they_are() {
    let store = CatalogStore::new();
    let mut expected = Vec::new();
    for index in 0..20 {
        let name = format!("server{index:02}");
        let offer = offer(&name, 50);
        expected.extend(offer.tools.iter().map(|tool| tool.exposed_raw.get().to_owned()));
        store.publish(&server(&name), offer);
    }
    let list = store.snapshot().list_tools(Scope::Merged, |_, _| true);
    assert!(list == format!(r#"{{"tools":[{}]}}"#, expected.join(",")), "joined byte for byte");
}

async fn opened() -> (Peer, Connection) {
    let (peer, connection, _events) = connect("{}").await;
    (peer, connection)
}

#[tokio::test]
async fn each_client_gets_a_connection_of_its_own_opened_once_and_again_when_it_ended() {
    let count = Arc::new(AtomicUsize::new(0));
    let peers = Arc::new(Mutex::new(Vec::new()));
    let (opening, kept) = (Arc::clone(&count), Arc::clone(&peers));
    let per_client = PerClient::new(Arc::new(move |name: ClientName| {
        let (opening, kept) = (Arc::clone(&opening), Arc::clone(&kept));
        async move {
            let attempt = opening.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if name.as_str() == "unlucky" && attempt % 2 == 0 {
                return Err(ConnectError::Exited);
            }
            let (peer, connection) = opened().await;
            kept.lock().unwrap().push(peer);
            Ok(connection)
        }
        .boxed()
    }));
    let upstreams = Upstreams::new();
    let name = server("remote");
    let missing = upstreams.connection_for("remote", &client("a")).await.unwrap_err();
    assert!(missing.to_string().contains("no server"));
    upstreams.set(&name, Upstream::NotReady { sentence: "It is starting.".into() });
    let missing = upstreams.connection_for("remote", &client("a")).await.unwrap_err();
    assert_eq!(missing.to_string(), "It is starting.");

    upstreams.set(&name, Upstream::Ready(Reach::PerClient(per_client.clone())));
    let (a, b) = (client("a"), client("b"));
    let (one, two, other) = tokio::join!(
        upstreams.connection_for("remote", &a),
        upstreams.connection_for("remote", &a),
        upstreams.connection_for("remote", &b),
    );
    let (one, _, other) = (one.unwrap(), two.unwrap(), other.unwrap());
    assert_eq!(count.load(Ordering::SeqCst), 2, "one for each client");
    one.close().await;
    assert!(!other.is_closed());
    let again = upstreams.connection_for("remote", &a).await.unwrap();
    assert!(!again.is_closed());
    assert_eq!(count.load(Ordering::SeqCst), 3);
    per_client.close(&a).await;
    assert!(again.is_closed());

    count.store(0, Ordering::SeqCst);
    let unlucky = client("unlucky");
    upstreams.connection_for("remote", &unlucky).await.unwrap_err();
    upstreams.connection_for("remote", &unlucky).await.expect("a failure is not kept");
    upstreams.remove("remote");
    assert!(upstreams.get("remote").is_none());
}
