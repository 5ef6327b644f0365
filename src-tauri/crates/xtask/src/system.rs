//! What must be installed in the system: found, named, and on Debian and Ubuntu installed.

use std::path::Path;

use anyhow::bail;

use crate::shell::{output, program, run};

/// What a command needs of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A C compiler, for what Rust links.
    Engine,
    /// Also what the tray app is built with.
    Desktop,
    /// Also what the tests of the tray app and the panel run in.
    Tests,
}

const ENGINE: &[&str] = &["build-essential", "pkg-config"];

const DESKTOP: &[&str] = &["libwebkit2gtk-4.1-dev", "libayatana-appindicator3-dev", "librsvg2-dev"];

const TESTS: &[&str] = &[
    "at-spi2-core",
    "chromium",
    "dbus-x11",
    "gnome-keyring",
    "imagemagick",
    "python3-venv",
    "webkit2gtk-driver",
    "xdotool",
    "xfce4-notifyd",
    "xfce4-panel",
    "xfwm4",
    "xterm",
    "xvfb",
];

fn wanted(needs: Needs) -> Vec<&'static str> {
    let mut packages = ENGINE.to_vec();
    if needs != Needs::Engine {
        packages.extend(DESKTOP);
    }
    if needs == Needs::Tests {
        packages.extend(TESTS);
    }
    packages
}

/// Sees to it that the system has what is needed.
///
/// # Errors
/// Names what is missing and how to get it where it cannot be installed from here.
pub(crate) fn ensure(needs: Needs) -> anyhow::Result<()> {
    if cfg!(target_os = "linux") {
        if Path::new("/etc/debian_version").exists() { debian(needs) } else { other_linux(needs) }
    } else {
        // Whatever linked this program is all that is needed: WebKit is a part of macOS, WebView2 one
        // of Windows.
        Ok(())
    }
}

/// Node.js with npm.
///
/// # Errors
/// Says how to get it.
pub(crate) fn node() -> anyhow::Result<()> {
    let version = output(program("node").arg("--version"));
    let major = version
        .as_deref()
        .and_then(|version| version.trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 20) {
        return Ok(());
    }
    bail!(
        "Node.js 20 or newer is needed and {}.\n\
         Get it from https://nodejs.org, or with a version manager such as fnm or nvm.",
        version.map_or("none was found".to_owned(), |version| format!("this is {version}"))
    )
}

/// Python 3.10 or newer that can make environments.
///
/// # Errors
/// Says how to get it.
pub(crate) fn python() -> anyhow::Result<&'static str> {
    for name in ["python3", "python"] {
        let check = "import sys, venv; sys.exit(sys.version_info < (3, 10))";
        if output(program(name).args(["-c", check])).is_some() {
            return Ok(name);
        }
    }
    bail!(
        "Python 3.10 or newer with the module `venv` is needed for the tests.\n\
         Get it from https://www.python.org or from your system's packages."
    )
}

fn debian_has(package: &str) -> bool {
    output(program("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]))
        .is_some_and(|status| status == "installed")
}

/// Ubuntu's `chromium` is a snap that cannot run without its daemon; any other Chrome will do.
fn browser_is_there() -> bool {
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .iter()
        .any(|name| output(program(name).arg("--version")).is_some())
}

fn debian(needs: Needs) -> anyhow::Result<()> {
    let missing: Vec<&str> = wanted(needs)
        .into_iter()
        .filter(|package| !debian_has(package))
        .filter(|package| *package != "chromium" || !browser_is_there())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = output(program("id").arg("-u")).is_some_and(|id| id == "0");
    println!("These system packages are missing and will be installed with apt-get:");
    println!("  {}", missing.join(" "));
    let apt = |arguments: &[&str]| {
        let mut apt = if is_root {
            program("env")
        } else {
            println!("sudo may ask for your password.");
            let mut sudo = program("sudo");
            // The password is typed by a person, so this one reads.
            sudo.stdin(std::process::Stdio::inherit()).arg("env");
            sudo
        };
        apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q"]).args(arguments);
        run(&mut apt)
    };
    let mut install = vec!["install", "--no-install-recommends"];
    install.extend(&missing);
    let by_hand = || format!("sudo apt-get update && sudo apt-get {}", install.join(" "));
    // Lists may be old or absent, and then a name that exists is not found.
    if let Err(error) = apt(&["update"]).and_then(|()| apt(&install)) {
        bail!("{error:#}\nInstall them by hand and try again:\n  {}", by_hand());
    }
    Ok(())
}

/// Each thing as `pkg-config` or a program's name knows it, and what it is called elsewhere.
fn other_linux(needs: Needs) -> anyhow::Result<()> {
    let library = |name: &str| output(program("pkg-config").args(["--exists", name])).is_some();
    let runs = |name: &str| {
        std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
        })
    };
    let mut missing = Vec::new();
    let mut need = |there: bool, what: &'static str| {
        if !there {
            missing.push(what);
        }
    };
    need(runs("cc"), "a C compiler (Fedora: gcc; Arch: base-devel)");
    need(runs("pkg-config"), "pkg-config (Fedora: pkgconf; Arch: pkgconf)");
    if needs != Needs::Engine {
        need(
            library("webkit2gtk-4.1"),
            "WebKitGTK 4.1 (Fedora: webkit2gtk4.1-devel; Arch: webkit2gtk-4.1)",
        );
        need(
            library("ayatana-appindicator3-0.1"),
            "Ayatana AppIndicator (Fedora: libappindicator-gtk3-devel; Arch: libayatana-appindicator)",
        );
        need(library("librsvg-2.0"), "librsvg (Fedora: librsvg2-devel; Arch: librsvg)");
    }
    if needs == Needs::Tests {
        need(runs("Xvfb"), "Xvfb (Fedora: xorg-x11-server-Xvfb; Arch: xorg-server-xvfb)");
        need(
            runs("WebKitWebDriver"),
            "WebKitWebDriver (Fedora: webkit2gtk-driver; Arch: webkitgtk-6.0)",
        );
        need(runs("xfwm4") && runs("xfce4-panel"), "xfwm4 and xfce4-panel");
        need(runs("gnome-keyring-daemon"), "gnome-keyring");
        need(runs("dbus-run-session"), "dbus");
        need(runs("xdotool"), "xdotool");
        need(runs("xterm"), "xterm");
        need(runs("import"), "ImageMagick");
        need(browser_is_there(), "Chromium");
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!("These are missing:\n  - {}\nInstall them and try again.", missing.join("\n  - "))
}
