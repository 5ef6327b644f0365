//! Shows a [`Menu`] as a native one. Everything here runs on the main thread.
//!
//! A native menu is made anew only when entries come or go; a change of words or marks is made in
//! place, so that a menu that stands open does not jump under the pointer.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tauri::image::Image;
use tauri::menu::{
    CheckMenuItem, IsMenuItem, Menu as NativeMenu, MenuItem, PredefinedMenuItem, Submenu,
};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Wry, include_image};

use super::look::{Deck, Look, Sign};
use super::menu::{Entry, Menu, TrayAction};
use crate::shell::Shell;

/// Why there is no tray icon.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrayError {
    #[error("the desktop refused: {0}")]
    Tauri(#[from] tauri::Error),
    #[error("the library for tray icons is not installed (libayatana-appindicator3)")]
    LibraryMissing,
}

/// Whether the marks of native check items can be trusted. A native item changes its mark as soon
/// as it is clicked, whatever comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// They say what was last shown.
    Trusted,
    /// One was clicked since, and each has to be set again.
    Doubtful,
    /// What was clicked is still being done. They say what the person wants, so they stay.
    Ahead,
}

pub(crate) struct Tray {
    icon: TrayIcon,
    look: Look,
    status: String,
    /// What is shown, also for the handler that is told a key.
    shown: Arc<Mutex<Shown>>,
}

/// A menu and its native entries, by key.
struct Shown {
    menu: Menu,
    parts: HashMap<String, Part>,
}

impl Shown {
    /// What the entry does that was just chosen. The native mark has changed by then.
    fn chosen(&self, key: &str) -> Option<TrayAction> {
        let mark = match self.parts.get(key)? {
            Part::Check(item) => item.taken_up().ok()?,
            Part::Item(_) | Part::Submenu(_) => false,
        };
        self.menu.action(key, mark).cloned()
    }
}

/// A native entry whose words or marks may change.
enum Part {
    Item(MenuItem<Wry>),
    Check(CheckItem),
    Submenu(Submenu<Wry>),
}

/// A native check item and the mark it is known to have. A click turns the mark at once, and is heard
/// of a moment later: until then the mark differs from the known one, and is the person's.
struct CheckItem {
    native: CheckMenuItem<Wry>,
    known: AtomicBool,
}

impl CheckItem {
    /// The mark, now that a click was heard of.
    fn taken_up(&self) -> tauri::Result<bool> {
        let mark = self.native.is_checked()?;
        self.known.store(mark, Ordering::Relaxed);
        Ok(mark)
    }

    /// Sets the mark, unless a click is on its way.
    fn set(&self, mark: bool) -> tauri::Result<()> {
        let known = self.known.load(Ordering::Relaxed);
        if self.native.is_checked()? == known && known != mark {
            self.known.store(mark, Ordering::Relaxed);
            self.native.set_checked(mark)?;
        }
        Ok(())
    }
}

impl Tray {
    pub(crate) fn new(
        app: &AppHandle,
        shell: Shell,
        menu: Menu,
        look: Look,
        status: &str,
    ) -> Result<Self, TrayError> {
        let (native, parts) = build(app, &menu)?;
        let shown = Arc::new(Mutex::new(Shown { menu, parts }));
        let keys = Arc::clone(&shown);
        let opening = shell.clone();
        let builder = TrayIconBuilder::with_id("drawbridge")
            .menu(&native)
            .icon(picture(look))
            .icon_as_template(cfg!(target_os = "macos"))
            .tooltip(tooltip(status))
            // Windows and macOS have a left click of its own; on Linux the bar shows the menu.
            .show_menu_on_left_click(!cfg!(windows))
            .temp_dir_path(shell.paths().data_dir.join("tray"))
            .on_tray_icon_event(move |_, event| {
                if is_left_click(&event) && cfg!(windows) {
                    opening.open_panel();
                }
            })
            .on_menu_event(move |_, event| {
                let chosen = {
                    let shown = keys.lock().unwrap_or_else(PoisonError::into_inner);
                    shown.chosen(event.id().as_ref())
                };
                if let Some(action) = chosen {
                    shell.choose(action);
                }
            });
        // On Linux the library is loaded by name, and its absence is a panic there.
        let icon = catch_unwind(AssertUnwindSafe(|| builder.build(app)))
            .map_err(|_| TrayError::LibraryMissing)??;
        Ok(Self { icon, look, status: status.to_owned(), shown })
    }

    pub(crate) fn show(
        &mut self,
        app: &AppHandle,
        menu: Menu,
        look: Look,
        status: &str,
        marks: Marks,
    ) -> Result<(), TrayError> {
        if look != self.look {
            self.icon.set_icon_with_as_template(Some(picture(look)), cfg!(target_os = "macos"))?;
            self.look = look;
        }
        if status != self.status {
            self.icon.set_tooltip(Some(tooltip(status)))?;
            status.clone_into(&mut self.status);
        }
        // Setting a mark may call the handler of clicks, so the lock is not held meanwhile.
        let shown = || self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, parts) = {
            let mut shown = shown();
            (shown.menu.clone(), std::mem::take(&mut shown.parts))
        };
        let parts = if before.has_the_entries_of(&menu) {
            change(&parts, &before.0, &menu.0, marks)?;
            parts
        } else {
            let (native, parts) = build(app, &menu)?;
            self.icon.set_menu(Some(native))?;
            parts
        };
        *shown() = Shown { menu, parts };
        Ok(())
    }
}

/// Changes the words and marks of entries that stay.
fn change(
    parts: &HashMap<String, Part>,
    before: &[Entry],
    after: &[Entry],
    marks: Marks,
) -> tauri::Result<()> {
    for (before, after) in before.iter().zip(after) {
        let (Some(part), Some(text)) = (after.key().and_then(|k| parts.get(k)), after.text())
        else {
            continue;
        };
        let reworded = (before.text() != Some(text)).then(|| escape(text));
        match (part, after) {
            (Part::Item(item), _) => reworded.map(|text| item.set_text(text)).transpose()?,
            (Part::Check(item), Entry::Check { checked, .. }) => {
                let same = matches!(before, Entry::Check { checked: c, .. } if c == checked);
                match marks {
                    Marks::Trusted if same => {}
                    Marks::Trusted | Marks::Doubtful => item.set(*checked)?,
                    Marks::Ahead => {}
                }
                reworded.map(|text| item.native.set_text(text)).transpose()?
            }
            (Part::Submenu(item), _) => reworded.map(|text| item.set_text(text)).transpose()?,
            (Part::Check(_), _) => None,
        };
        if let (Entry::Submenu { entries: before, .. }, Entry::Submenu { entries, .. }) =
            (before, after)
        {
            change(parts, before, entries, marks)?;
        }
    }
    Ok(())
}

fn build(app: &AppHandle, menu: &Menu) -> tauri::Result<(NativeMenu<Wry>, HashMap<String, Part>)> {
    let mut parts = HashMap::new();
    let native = NativeMenu::new(app)?;
    for entry in &menu.0 {
        native.append(make(app, entry, &mut parts)?.as_ref())?;
    }
    Ok((native, parts))
}

fn make(
    app: &AppHandle,
    entry: &Entry,
    parts: &mut HashMap<String, Part>,
) -> tauri::Result<Box<dyn IsMenuItem<Wry>>> {
    let (part, native): (_, Box<dyn IsMenuItem<Wry>>) = match entry {
        Entry::Separator => return Ok(Box::new(PredefinedMenuItem::separator(app)?)),
        Entry::Line { key, text } => {
            let item = MenuItem::with_id(app, key, escape(text), false, None::<&str>)?;
            ((key, Part::Item(item.clone())), Box::new(item))
        }
        Entry::Command { key, text, .. } => {
            let item = MenuItem::with_id(app, key, escape(text), true, None::<&str>)?;
            ((key, Part::Item(item.clone())), Box::new(item))
        }
        Entry::Check { key, text, checked, .. } => {
            let item =
                CheckMenuItem::with_id(app, key, escape(text), true, *checked, None::<&str>)?;
            let known = AtomicBool::new(*checked);
            ((key, Part::Check(CheckItem { native: item.clone(), known })), Box::new(item))
        }
        Entry::Submenu { key, text, entries } => {
            let item = Submenu::with_id(app, key, escape(text), true)?;
            for entry in entries {
                item.append(make(app, entry, parts)?.as_ref())?;
            }
            ((key, Part::Submenu(item.clone())), Box::new(item))
        }
    };
    let (key, part) = part;
    parts.insert(key.clone(), part);
    Ok(native)
}

/// In a native menu `&` marks the letter that chooses an entry.
fn escape(text: &str) -> String {
    text.replace('&', "&&")
}

fn tooltip(status: &str) -> String {
    format!("Drawbridge: {status}")
}

fn is_left_click(event: &tauri::tray::TrayIconEvent) -> bool {
    use tauri::tray::{MouseButton, MouseButtonState, TrayIconEvent};
    matches!(
        event,
        TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. }
    )
}

#[cfg(not(target_os = "macos"))]
fn picture(look: Look) -> Image<'static> {
    match (look.deck, look.sign) {
        (Deck::Down, Sign::Away) => include_image!("../icons/tray/open.png"),
        (Deck::Down, Sign::Standing) => include_image!("../icons/tray/open-trouble.png"),
        (Deck::Up, Sign::Away) => include_image!("../icons/tray/paused.png"),
        (Deck::Up, Sign::Standing) => include_image!("../icons/tray/paused-trouble.png"),
    }
}

/// macOS colours a template by itself.
#[cfg(target_os = "macos")]
fn picture(look: Look) -> Image<'static> {
    match (look.deck, look.sign) {
        (Deck::Down, Sign::Away) => include_image!("../icons/tray/open-template.png"),
        (Deck::Down, Sign::Standing) => include_image!("../icons/tray/open-trouble-template.png"),
        (Deck::Up, Sign::Away) => include_image!("../icons/tray/paused-template.png"),
        (Deck::Up, Sign::Standing) => include_image!("../icons/tray/paused-trouble-template.png"),
    }
}
