//! The TypeScript types of the panel are written from the Rust ones. They are committed, and this
//! test fails when they differ from what the types say. `DRAWBRIDGE_BLESS=1` writes them.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use drawbridge_core::bridge::{CommandError, PanelEvent};
use drawbridge_core::view::*;
use drawbridge_model::{ClientName, Mode, Preset, RecordRule, SecretsRule, ServerName, ToolName};
use ts_rs::{Config, TS, TypeVisitor};

/// Collects the names of exported types that a type mentions.
struct Mentioned<'a>(&'a Config, Vec<String>);

impl TypeVisitor for Mentioned<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_some() {
            self.1.push(T::ident(self.0));
        }
        T::visit_generics(self);
    }
}

struct Command {
    name: &'static str,
    docs: &'static [&'static str],
    args: Vec<(&'static str, String)>,
    result: String,
}

macro_rules! describe_commands {
    ($(#[doc = $first:literal] $(#[doc = $more:literal])* $name:ident($($arg:ident: $ty:ty),*) -> $result:ty;)*) => {
        |config: &Config, folder_config: &Config, mentioned: &mut Mentioned<'_>| -> Vec<Command> {
            let mut commands = Vec::new();
            $(
                $(
                    mentioned.visit::<$ty>();
                    export::<$ty>(folder_config);
                )*
                mentioned.visit::<$result>();
                export::<$result>(folder_config);
                commands.push(Command {
                    name: stringify!($name),
                    docs: &[$first $(, $more)*],
                    args: vec![$((stringify!($arg), <$ty as TS>::name(config))),*],
                    result: <$result as TS>::name(config),
                });
            )*
            commands
        }
    };
}

fn export<T: TS + 'static>(config: &Config) {
    struct Exporter<'a>(&'a Config);
    impl TypeVisitor for Exporter<'_> {
        fn visit<T: TS + 'static + ?Sized>(&mut self) {
            if T::output_path().is_some() {
                T::export_all(self.0).expect("the bindings can be written");
            }
            T::visit_generics(self);
        }
    }
    Exporter(config).visit::<T>();
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (head, tail) = word.split_at(1);
        text.push_str(&head.to_uppercase());
        text.push_str(tail);
    }
    text
}

fn write_bindings(folder: &Path) {
    let config = Config::new().with_large_int("number").with_out_dir(folder);
    let mut mentioned = Mentioned(&config, Vec::new());
    let mut commands =
        drawbridge_core::engine_commands!(describe_commands)(&config, &config, &mut mentioned);
    commands.extend(drawbridge_core::desktop_commands!(describe_commands)(
        &config,
        &config,
        &mut mentioned,
    ));
    export::<PanelEvent>(&config);
    export::<CommandError>(&config);

    let mut names = mentioned.1;
    names.sort();
    names.dedup();
    let mut text = String::from(
        "// Written by `cargo test -p drawbridge-core --test bindings`. Do not edit.\n",
    );
    for name in names {
        writeln!(text, "import type {{ {name} }} from \"./{name}\";").expect("fits in memory");
    }
    text.push_str(
        "\n/** Each command: what it takes and what it answers. */\nexport type Commands = {\n",
    );
    for command in commands {
        writeln!(text, "  /**{} */", command.docs.join(" ")).expect("fits in memory");
        let args = match command.args.as_slice() {
            [] => "Record<string, never>".to_owned(),
            args => {
                let args: Vec<_> =
                    args.iter().map(|(name, ty)| format!("{}: {ty}", camel_case(name))).collect();
                format!("{{ {} }}", args.join("; "))
            }
        };
        writeln!(text, "  {}: {{ args: {args}; result: {} }};", command.name, command.result)
            .expect("fits in memory");
    }
    text.push_str("};\n");
    let file = folder.join("commands.ts");
    std::io::Write::write_all(
        &mut std::fs::File::create(file).expect("the bindings can be written"),
        text.as_bytes(),
    )
    .expect("the bindings can be written");
}

fn read_folder(folder: &Path) -> BTreeMap<PathBuf, String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.expect("the folder can be read").path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("bindings are text");
            (PathBuf::from(path.file_name().expect("a file has a name")), text)
        })
        .collect()
}

#[test]
fn the_committed_bindings_are_what_the_types_say() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/ipc/bindings");
    if std::env::var_os("DRAWBRIDGE_BLESS").is_some() {
        if committed.exists() {
            std::fs::remove_dir_all(&committed).expect("the folder can be replaced");
        }
        std::fs::create_dir_all(&committed).expect("the folder can be made");
        write_bindings(&committed);
    }
    let fresh = tempfile::tempdir().expect("a temporary folder");
    write_bindings(fresh.path());
    assert_eq!(
        read_folder(&committed),
        read_folder(fresh.path()),
        "the panel's types differ from Rust's; write them with DRAWBRIDGE_BLESS=1"
    );
}
