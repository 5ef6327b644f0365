//! What VS Code is told, and what happens to its file on the way.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use drawbridge_core::export::change::{ChangeError, PlannedChange};
use drawbridge_core::export::vscode::{PlanError, Setup, content, install_link, plan, preview};
use drawbridge_core::view::{DiffKind, TokenPlacement};

const TOKEN: &str = "db_s3cretAbcdefghijklmnopqrstuvwxyz0123456789_-";
const NOW: i64 = 1_700_000_000_000;

fn setup(placement: TokenPlacement) -> Setup {
    Setup { address: "http://127.0.0.1:7337".to_owned(), token: Some(TOKEN.to_owned()), placement }
}

fn save(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    File::create(path).expect("opens").write_all(text.as_bytes()).expect("writes");
}

fn shown(change: &PlannedChange) -> Vec<(DiffKind, String)> {
    let view = change.view();
    assert!(!format!("{view:?} {change:?}").contains("s3cret"), "no secret is shown: {view:?}");
    view.lines.into_iter().map(|line| (line.kind, line.text)).collect()
}

const PROMPT: &str = r#"{
  "inputs": [
    {
      "type": "promptString",
      "id": "drawbridge_token",
      "description": "Drawbridge token",
      "password": true
    }
  ],
  "servers": {
    "drawbridge": {
      "type": "http",
      "url": "http://127.0.0.1:7337/mcp",
      "headers": {
        "Authorization": "Bearer ${input:drawbridge_token}"
      }
    }
  }
}
"#;

#[test]
fn a_new_file_is_what_vs_code_reads() {
    assert_eq!(content(&setup(TokenPlacement::Prompt)).expect("planned"), PROMPT);
    let inline = content(&setup(TokenPlacement::Inline)).expect("planned");
    let json: serde_json::Value = serde_json::from_str(&inline).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({ "servers": { "drawbridge": {
            "type": "http",
            "url": "http://127.0.0.1:7337/mcp",
            "headers": { "Authorization": format!("Bearer {TOKEN}") },
        } } })
    );
    let unknown = Setup { token: None, ..setup(TokenPlacement::Inline) };
    assert!(matches!(content(&unknown), Err(PlanError::NoToken)));
    assert!(content(&Setup { token: None, ..setup(TokenPlacement::Prompt) }).is_ok());
    assert!(!format!("{:?}", setup(TokenPlacement::Inline)).contains("s3cret"));
}

#[test]
fn the_link_asks_for_the_token_and_holds_none() {
    let link = install_link("http://127.0.0.1:7337");
    assert_eq!(
        link,
        "vscode:mcp/install?%7B%22name%22%3A%22drawbridge%22%2C%22type%22%3A%22http%22%2C%22url%22\
         %3A%22http%3A%2F%2F127.0.0.1%3A7337%2Fmcp%22%2C%22headers%22%3A%7B%22Authorization%22%3A\
         %22Bearer%20%24%7Binput%3Adrawbridge_token%7D%22%7D%2C%22inputs%22%3A%5B%7B%22type%22%3A\
         %22promptString%22%2C%22id%22%3A%22drawbridge_token%22%2C%22description%22%3A%22\
         Drawbridge%20token%22%2C%22password%22%3Atrue%7D%5D%7D"
    );
}

#[test]
fn other_servers_inputs_and_comments_stay() {
    let before = "// our project\n{\n\t\"inputs\": [\n\t\t{ \"id\": \"other\", \"type\": \"promptString\" } // theirs\n\t],\n\t\"servers\": {\n\t\t// weather\n\t\t\"weather\": { \"url\": \"https://w\" }\n\t},\n\t\"sandbox\": {}\n}\n";
    let after = plan(Some(before), &setup(TokenPlacement::Prompt)).expect("planned");
    assert_eq!(
        after,
        "// our project\n{\n\t\"inputs\": [\n\t\t{ \"id\": \"other\", \"type\": \"promptString\" }, // theirs\n\t\t{\n\t\t\t\"type\": \"promptString\",\n\t\t\t\"id\": \"drawbridge_token\",\n\t\t\t\"description\": \"Drawbridge token\",\n\t\t\t\"password\": true\n\t\t}\n\t],\n\t\"servers\": {\n\t\t// weather\n\t\t\"weather\": { \"url\": \"https://w\" },\n\t\t\"drawbridge\": {\n\t\t\t\"type\": \"http\",\n\t\t\t\"url\": \"http://127.0.0.1:7337/mcp\",\n\t\t\t\"headers\": {\n\t\t\t\t\"Authorization\": \"Bearer ${input:drawbridge_token}\"\n\t\t\t}\n\t\t}\n\t},\n\t\"sandbox\": {}\n}\n"
    );
    let again = plan(Some(&after), &setup(TokenPlacement::Prompt)).expect("planned");
    assert_eq!(again, after, "a second time changes nothing");
}

#[test]
fn an_older_entry_of_ours_is_brought_up_to_date_in_its_place() {
    let before = "\u{FEFF}{ \"servers\": { \"drawbridge\": { \"command\": \"drawbridged\", \"args\": [\"stdio\"], \"dev\": {},\r\n \"headers\": { \"X\": \"y\", \"Authorization\": \"Bearer old\" } }, \"z\": { \"command\": \"z\" } } }";
    let after = plan(Some(before), &setup(TokenPlacement::Inline)).expect("planned");
    let json: serde_json::Value =
        serde_json::from_str(after.strip_prefix('\u{FEFF}').expect("the mark stays"))
            .expect("JSON");
    assert_eq!(
        json["servers"]["drawbridge"],
        serde_json::json!({
            "dev": {},
            "headers": { "X": "y", "Authorization": format!("Bearer {TOKEN}") },
            "type": "http",
            "url": "http://127.0.0.1:7337/mcp",
        })
    );
    assert_eq!(json["servers"]["z"]["command"], "z");
    for blank in ["", "  \n", "// nothing\n", "{}", "{ \"servers\": {}, \"inputs\": [] }"] {
        let after = plan(Some(blank), &setup(TokenPlacement::Prompt)).expect(blank);
        assert!(after.contains("drawbridge_token") && after.contains("/mcp"), "{after}");
    }
}

#[test]
fn a_file_vs_code_cannot_read_is_refused_with_its_line() {
    for (text, line, words) in [
        ("{\n \"servers\": {\n", 2, "never closed"),
        ("{\n \"servers\": []\n}", 2, "found a list"),
        ("{\n \"servers\": { \"drawbridge\": 1 } }", 2, "found a number"),
        ("{\n \"inputs\": {} }", 2, "a list of inputs"),
        ("[]", 1, "in braces"),
        ("{ \"servers\": {},\n \"servers\": {} }", 2, "second time"),
    ] {
        let error = plan(Some(text), &setup(TokenPlacement::Prompt)).expect_err(text);
        let PlanError::Unreadable { line: found, message } = &error else { panic!("{error:?}") };
        assert_eq!(*found, line, "{text}: {message}");
        assert!(message.contains(words), "{text}: {message}");
        assert!(error.problem().message.contains(&format!("line {line}")), "{:?}", error.problem());
    }
}

#[test]
fn a_preview_shows_what_changes_and_masks_what_may_be_secret() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join(".vscode/mcp.json");
    let new = preview(home.path(), &setup(TokenPlacement::Inline)).expect("planned");
    let view = new.view();
    assert!(!view.exists);
    assert_eq!(view.path, path.display().to_string());
    let lines = shown(&new);
    assert!(lines.iter().all(|(kind, _)| *kind == DiffKind::Added), "{lines:?}");
    assert!(lines.iter().any(|(_, text)| text.contains("\"Bearer ••••••\"")), "{lines:?}");

    save(
        &path,
        "{\n  \"servers\": {\n    \"a\": {\n      \"command\": \"x\",\n      \"args\": [\"--header\", \"Authorization: Bearer s3cretone\"],\n      \"env\": { \"KEY\": \"s3crettwo\", \"REF\": \"${input:x}\" }\n    },\n    \"drawbridge\": {\n      \"type\": \"http\",\n      \"url\": \"http://127.0.0.1:7337/mcp\",\n      \"headers\": {\n        \"Authorization\": \"Bearer db_s3cretOLDabcdefghijklmnopqrstuvwx\"\n      }\n    }\n  }\n}\n",
    );
    let change = preview(home.path(), &setup(TokenPlacement::Inline)).expect("planned");
    let lines = shown(&change);
    let of = |kind| {
        lines
            .iter()
            .filter(|(found, _)| *found == kind)
            .map(|(_, text)| text.trim())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(DiffKind::Removed), ["\"Authorization\": \"Bearer ••••••\""], "{lines:?}");
    assert_eq!(
        of(DiffKind::Added),
        ["\"Authorization\": \"Bearer ••••••\""],
        "a token that changed is seen to"
    );
    assert_eq!(
        lines.first().map(|(_, text)| text.as_str()),
        Some("…"),
        "what is far off is left out"
    );

    let change = preview(home.path(), &setup(TokenPlacement::Prompt)).expect("planned");
    assert!(shown(&change).iter().any(|(_, text)| text.contains("${input:drawbridge_token}")));
    let all: Vec<String> = shown(&change).into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        preview(home.path(), &setup(TokenPlacement::Prompt)).expect("planned").id(),
        change.id()
    );
    assert!(all.len() < 40, "{all:?}");
}

#[test]
fn a_change_is_written_with_a_copy_and_undone_byte_for_byte() {
    let home = tempfile::tempdir().expect("a folder");
    let backups = home.path().join("data/backups");
    let project = home.path().join("project");
    let path = project.join(".vscode/mcp.json");
    let before = "\u{FEFF}{\r\n  // mine\r\n  \"servers\": { },\r\n}\r\n";
    save(&path, before);
    let change = preview(&project, &setup(TokenPlacement::Prompt)).expect("planned");
    let written = change.write(&backups, NOW).expect("written");
    let view = written.view();
    let backup = view.backup.clone().expect("there was something");
    assert!(Path::new(&backup).starts_with(&backups), "copies do not lie in the project");
    assert!(backup.contains(&NOW.to_string()));
    assert_eq!(fs::read_to_string(&backup).expect("readable"), before);
    assert_eq!(view.undo, written.undo_token());
    assert!(fs::read_to_string(&path).expect("readable").contains("drawbridge"));
    assert!(matches!(change.write(&backups, NOW), Err(ChangeError::Changed(_))), "once only");
    written.undo().expect("undone");
    assert_eq!(fs::read_to_string(&path).expect("readable"), before);
    assert!(matches!(written.undo(), Err(ChangeError::Changed(_))), "once only");
    let names: Vec<_> = fs::read_dir(project.join(".vscode")).expect("readable").collect();
    assert_eq!(names.len(), 1, "nothing is left beside the file");
}

#[test]
fn a_file_that_was_made_goes_when_it_is_undone_and_its_folder_with_it() {
    let home = tempfile::tempdir().expect("a folder");
    let backups = home.path().join("backups");
    let project = home.path().join("project");
    fs::create_dir(&project).expect("made");
    let change = preview(&project, &setup(TokenPlacement::Inline)).expect("planned");
    let written = change.write(&backups, NOW).expect("written");
    assert_eq!(written.view().backup, None);
    written.undo().expect("undone");
    assert!(!project.join(".vscode").exists());

    let written = change.write(&backups, NOW).expect("written");
    save(&project.join(".vscode/settings.json"), "{}");
    written.undo().expect("undone");
    assert!(!project.join(".vscode/mcp.json").exists());
    assert!(project.join(".vscode/settings.json").exists(), "what others put there stays");
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join(".vscode/mcp.json");
    let change = preview(home.path(), &setup(TokenPlacement::Prompt)).expect("planned");
    save(&path, "{}");
    let error = change.write(&home.path().join("b"), NOW).expect_err("it has changed");
    assert!(matches!(error, ChangeError::Changed(_)), "{error:?}");
    assert!(error.problem().message.contains("changed"), "{:?}", error.problem());
    assert_eq!(fs::read_to_string(&path).expect("readable"), "{}");
    let change = preview(home.path(), &setup(TokenPlacement::Prompt)).expect("planned");
    let written = change.write(&home.path().join("b"), NOW).expect("written");
    save(&path, "{ }");
    assert!(matches!(written.undo(), Err(ChangeError::Changed(_))));
    assert_eq!(fs::read_to_string(&path).expect("readable"), "{ }");
    fs::remove_file(&path).expect("deletes");
    assert!(matches!(written.undo(), Err(ChangeError::Changed(_))), "gone is changed too");
}

#[test]
fn a_folder_that_cannot_hold_the_file_is_refused_with_a_sentence() {
    let home = tempfile::tempdir().expect("a folder");
    let refused = |folder: &Path| {
        preview(folder, &setup(TokenPlacement::Prompt)).expect_err("it cannot").problem().message
    };
    assert!(refused(&home.path().join("nowhere")).contains("does not exist"));
    let file = home.path().join("file");
    save(&file, "x");
    assert!(refused(&file).contains("is a file"));
    let project = home.path().join("project");
    save(&project.join(".vscode"), "x");
    assert!(refused(&project).contains("is a file"));
    let other = home.path().join("other");
    fs::create_dir_all(other.join(".vscode/mcp.json")).expect("made");
    assert!(refused(&other).contains("a folder stands in its place"), "{}", refused(&other));
    let binary = home.path().join("binary/.vscode/mcp.json");
    save(&binary, "");
    File::create(&binary).expect("opens").write_all(b"{\n\xFF}").expect("writes");
    assert!(refused(&home.path().join("binary")).contains("line 2"));

    let read_only = home.path().join("read-only/.vscode/mcp.json");
    save(&read_only, "{}");
    let mut mode = fs::metadata(&read_only).expect("there").permissions();
    mode.set_readonly(true);
    fs::set_permissions(&read_only, mode).expect("set");
    let change =
        preview(&home.path().join("read-only"), &setup(TokenPlacement::Prompt)).expect("planned");
    let error = change.write(&home.path().join("b"), NOW).expect_err("it cannot");
    assert!(error.problem().message.contains("read-only"), "{:?}", error.problem());
    assert_eq!(fs::read_to_string(&read_only).expect("readable"), "{}");
}

#[test]
fn the_folder_with_vs_codes_settings_itself_may_be_chosen() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = home.path().join(".vscode");
    fs::create_dir(&settings).expect("made");
    let change = preview(&settings, &setup(TokenPlacement::Prompt)).expect("planned");
    assert_eq!(change.view().path, settings.join("mcp.json").display().to_string());
}
