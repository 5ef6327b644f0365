//! Definitions as honest servers write them.

use serde_json::{Value, json};

pub(crate) fn tool(name: &str, description: &str) -> Value {
    json!({ "name": name, "description": description, "inputSchema": { "type": "object" } })
}

pub(crate) fn with_parameter(name: &str, description: &str, parameter: &str, about: &str) -> Value {
    json!({ "name": name, "description": description, "inputSchema": {
        "type": "object", "properties": { parameter: { "type": "string", "description": about } } } })
}

/// What servers of many sorts say about their tools.
pub(crate) fn ordinary() -> Vec<Value> {
    vec![
        with_parameter(
            "open_document",
            "Returns the text of a file. Always use absolute paths: relative ones depend on where the server was started. Fails when the path lies outside the allowed folders.",
            "path",
            "Absolute path, e.g. `/home/me/notes/todo.md` or `C:\\Users\\me\\todo.md`",
        ),
        with_parameter(
            "save_document",
            "Writes a file. IMPORTANT: an existing file is overwritten without asking. Use `edit` for changes to a part.",
            "content",
            "The whole new content of the file.",
        ),
        tool(
            "move_entry",
            "Moves or renames a file or folder. You MUST NOT use it to overwrite something; it fails if the target exists.",
        ),
        with_parameter(
            "stage",
            "Adds changes to the index, as `git add` does. Files listed in .gitignore are ignored; ignore rules can be bypassed with force.",
            "pattern",
            "A glob such as `src/**/*.rs`, or `.` for all",
        ),
        tool(
            "make_commit",
            "Records staged changes. Use this tool when the user asks for a commit. Never push without asking the user first, and never change the configuration.",
        ),
        tool(
            "show_log",
            "Lists commits, newest first.\n\nExample result:\n```json\n{\"sha\": \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\", \"author\": \"A\"}\n```",
        ),
        with_parameter(
            "goto",
            "Opens an address in the browser and waits until the page stands. Take a snapshot afterwards rather than a picture.",
            "url",
            "The address, with its scheme: https://example.org/path?q=a%20b",
        ),
        tool(
            "press_key",
            "Presses a key: `Enter`, `ArrowLeft`, or a letter. Before pressing, make sure that the element has the focus (see `focus`).",
        ),
        tool(
            "evaluate",
            "Runs JavaScript in the page: `() => document.title`. What it returns must be JSON.",
        ),
        with_parameter(
            "query",
            "Runs one SELECT statement. Do not use this for writes; they are rejected. You must call `list_tables` before the first query to learn the schema.",
            "sql",
            "SQL, e.g. `SELECT id, name FROM users WHERE name LIKE '%a%' LIMIT 10`",
        ),
        tool(
            "explain_query",
            "Shows the plan of a query. The system catalogue `pg_catalog` is not included. All other statements are refused.",
        ),
        with_parameter(
            "remember",
            "Stores a fact about the user for later conversations. Do not store passwords or other secrets.",
            "entity",
            "A name such as `project:alpha`; UUIDs like 123e4567-e89b-42d3-a456-426614174000 work as well",
        ),
        tool(
            "forget",
            "Removes everything known about an entity. This cannot be undone: confirm with the user before you call it.",
        ),
        with_parameter(
            "download",
            "Fetches a page and turns it into Markdown. Respects robots.txt. If the page is long, call it again with `start_index`.",
            "headers",
            "Further headers as JSON: {\"Accept-Language\": \"de\"}",
        ),
        with_parameter(
            "convert_time",
            "Converts a time between zones.",
            "zone",
            "A name of the IANA database such as `Europe/Berlin`, or `UTC`",
        ),
        with_parameter(
            "draft",
            "Prepares a mail, but does not send it. Always show the draft to the user before sending.",
            "to",
            "Addresses, separated by commas: a@example.org, b@example.org",
        ),
        tool(
            "deliver",
            "Sends a prepared mail. You must call `draft` first. ⚠️ Only use this if the user explicitly agreed to send it. ✅ Works with attachments up to 25 MB.",
        ),
        with_parameter(
            "resolve_library",
            "Finds the id of a library. You MUST call this before `get_docs` to obtain a valid id, UNLESS the user gives one in the form `/org/project`. Do not ask the user for an id.",
            "name",
            "What to look for",
        ),
        tool(
            "lies_datei",
            "Liest eine Datei und gibt ihren Inhalt zurück. Größe höchstens 10 MB. Vor dem Schreiben immer erst lesen; ohne Rückfrage wird nichts überschrieben. Straßen, Flüsse, Übergrößen.",
        ),
        tool(
            "yomu",
            "ファイルの内容を読み取ります。必ず絶対パスを指定してください。大きなファイルは、行番号で範囲を指定して分割して読んでください。例：`/home/me/メモ.txt`",
        ),
        tool(
            "قراءة",
            "يقرأ محتوى الملف المحدد ويعيده كنص. استخدم المسار الكامل دائمًا. \u{200f}(UTF-8)\u{200f} هو الترميز الافتراضي.",
        ),
        tool(
            "padho",
            "यह उपकरण फ़ाइल की सामग्री पढ़ता है। क्\u{200d}षेत्र का नाम वैकल्पिक है। हमेशा पूरा पथ दें।",
        ),
        tool("bekhan", "این ابزار فایل را می\u{200c}خواند و متن آن را برمی\u{200c}گرداند."),
        tool("react", "Adds a reaction: 👍🏽, ❤️, 👩‍💻, 🏳️‍🌈, 🇩🇪 or 1️⃣. Custom ones are written :name:."),
        with_parameter(
            "validate",
            "Checks a text against a pattern.",
            "pattern",
            "A regular expression, e.g. `^(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[a-z0-9]+)*)@(?:[a-z0-9-]+\\.)+[a-z]{2,}$`",
        ),
        tool(
            "verify",
            "Compares a file with its SHA-512, such as cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e.",
        ),
        with_parameter(
            "ask_model",
            "Asks another model. The system prompt is optional and replaces the default one.",
            "system_prompt",
            "The system prompt. Leave it empty to use that of the model.",
        ),
        with_parameter(
            "set_env",
            "Sets a variable in the project's .env file; creates the file when it is missing.",
            "name",
            "Such as `DATABASE_URL`. The value is never shown to anyone.",
        ),
        with_parameter(
            "ssh_run",
            "Runs a command on a host that is configured in ~/.ssh/config. Destructive commands need `confirm: true`.",
            "key",
            "Path of the private key, ~/.ssh/id_ed25519 if not given",
        ),
        with_parameter(
            "dispatch",
            "Starts a workflow. **Required**: `ref`. See https://example.org/docs/actions#workflow-dispatch for more.\n\n| field | meaning |\n|---|---|\n| ref | branch |\n| inputs | object |",
            "token",
            "A token with the scope `workflow`; ${GITHUB_TOKEN} is used when it is missing",
        ),
        tool(
            "think",
            "Use this tool to think about something. It does not obtain new information or change anything, but appends the thought to the log. Use it when complex reasoning is needed, before you answer.",
        ),
        json!({ "name": "chart", "title": "Draw a chart", "description": "Draws a chart from rows.", "icons": [{ "src": format!("data:image/png;base64,{}", "iVBORw0KGgoAAAANSUhEUg".repeat(9)), "mimeType": "image/png" }], "inputSchema": { "type": "object", "properties": { "kind": { "enum": ["bar", "line", "pie"] }, "rows": { "type": "array", "items": { "type": "array", "items": { "type": "number" } } } } }, "annotations": { "readOnlyHint": true } }),
        with_parameter(
            "find_notes",
            "Searches notes by words. Prefer this over reading all of them; to read one, use `open_note`.",
            "query",
            "Words to search for. `tag:work` limits it to a tag.",
        ),
        with_parameter(
            "run_shell",
            "Runs a command in a sandbox, e.g. `curl -s https://example.org | head`, `rm -rf build/` or `bash -c 'ls'`. Output is cut after 30,000 characters.",
            "command",
            "The command. Quote paths with spaces.",
        ),
    ]
}
