//! Draws every icon from `icons/mark.svg`, and holds the files in `icons/` to it.
//!
//! After a change to the drawing:
//! `cargo test -p drawbridge --test icons -- --ignored write_the_icons`.
//!
//! The colours of the tray icons have a relative luminance of about 0.24, which gives them a
//! contrast of at least 3.3 to 1 on white bars and on dark grey ones alike, so that Linux and
//! Windows need one set. macOS colours a template, black with transparency, by itself.

#![expect(clippy::expect_used, reason = "a test stops where it cannot go on")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

const OPEN: &str = "#13998c";
const PAUSED: &str = "#b87d00";
const TROUBLE: &str = "#ec4a52";

/// Style rules that show one state of the mark, in one colour and another for the sign.
fn state(up: bool, sign: bool, colour: &str, sign_colour: &str) -> String {
    let shown = |yes: bool| if yes { "inline" } else { "none" };
    format!(
        ".up {{ display: {} }} .down {{ display: {} }} .sign {{ display: {}; fill: {sign_colour} }} \
         .mark {{ fill: {colour} }} .line {{ stroke: {colour} }}",
        shown(up),
        shown(!up),
        shown(sign),
    )
}

/// Style rules of the app's icon: the open bridge, white on a plate.
fn app() -> String {
    ".plate { display: inline; fill: #0b6b62 } .mark { fill: #ffffff } .line { stroke: #ffffff }"
        .to_owned()
}

fn draw(rules: &str, size: u32) -> Pixmap {
    let source = std::fs::read_to_string(folder().join("mark.svg")).expect("the drawing");
    let mut source = source.replace("</style>", &format!("{rules}</style>"));
    if rules.contains(".plate") {
        let inset = "<g id=\"drawing\" transform=\"translate(2.24 1.88) scale(0.72)\">";
        source = source.replace("<g id=\"drawing\">", inset);
    }
    let tree = Tree::from_str(&source, &Options::default()).expect("the drawing is SVG");
    let mut pixmap = Pixmap::new(size, size).expect("a size above zero");
    let scale = size as f32 / tree.size().width();
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap
}

fn png(rules: &str, size: u32) -> Vec<u8> {
    draw(rules, size).encode_png().expect("a picture can be encoded")
}

/// Every file made from the drawing.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for size in [16, 24, 32, 48, 64, 128, 256, 512] {
        files.insert(format!("app-{size}.png"), png(&app(), size));
    }
    files.insert("app.ico".to_owned(), ico(&[16, 24, 32, 48, 64, 256]));
    files.insert("app.icns".to_owned(), icns());
    for (name, up, sign) in [
        ("open", false, false),
        ("paused", true, false),
        ("open-trouble", false, true),
        ("paused-trouble", true, true),
    ] {
        let colour = if up { PAUSED } else { OPEN };
        files.insert(format!("tray/{name}.png"), png(&state(up, sign, colour, TROUBLE), 48));
        let template = state(up, sign, "#000000", "#000000");
        files.insert(format!("tray/{name}-template.png"), png(&template, 44));
    }
    files
}

fn ico(sizes: &[u32]) -> Vec<u8> {
    let mut icon = ico::IconDir::new(ico::ResourceType::Icon);
    for &size in sizes {
        let image = ico::IconImage::read_png(std::io::Cursor::new(png(&app(), size)));
        let image = image.expect("our own picture");
        icon.add_entry(ico::IconDirEntry::encode(&image).expect("a picture can be encoded"));
    }
    let mut bytes = Vec::new();
    icon.write(&mut bytes).expect("memory takes it");
    bytes
}

/// Apple's container: a magic number and the length of the whole, then for each picture its kind
/// and the length of kind, length and picture.
fn icns() -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, size) in [
        (b"ic11", 32),
        (b"ic12", 64),
        (b"ic07", 128),
        (b"ic13", 256),
        (b"ic08", 256),
        (b"ic09", 512),
    ] {
        let picture = png(&app(), size);
        body.extend_from_slice(kind);
        body.extend_from_slice(&(picture.len() as u32 + 8).to_be_bytes());
        body.extend_from_slice(&picture);
    }
    let mut bytes = b"icns".to_vec();
    bytes.extend_from_slice(&(body.len() as u32 + 8).to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../icons")
}

fn pixels(png_bytes: &[u8]) -> (u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png_bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size that fits")];
    let info = reader.next_frame(&mut pixels).expect("a whole PNG");
    (info.width, pixels)
}

#[test]
fn icons_are_made_from_the_svg() {
    for (name, made) in files() {
        let stored = std::fs::read(folder().join(&name)).unwrap_or_default();
        let same = if name.ends_with(".png") && !stored.is_empty() {
            // Processors may round a blended edge differently.
            let ((width, made), (stored_width, stored)) = (pixels(&made), pixels(&stored));
            width == stored_width && made.iter().zip(&stored).all(|(a, b)| a.abs_diff(*b) <= 2)
        } else {
            made.len() == stored.len()
        };
        assert!(same, "icons/{name} is not what icons/mark.svg gives; write the icons again");
    }
}

/// Pixels that differ clearly between two states drawn in one colour at 16 pixels.
fn differing(a: &Pixmap, b: &Pixmap) -> usize {
    a.pixels().iter().zip(b.pixels()).filter(|(a, b)| a.alpha().abs_diff(b.alpha()) > 128).count()
}

#[test]
fn each_state_has_its_own_shape_at_16_pixels() {
    let looks: Vec<_> = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(up, sign)| draw(&state(up, sign, "#000000", "#000000"), 16))
        .into();
    for (i, a) in looks.iter().enumerate() {
        for (j, b) in looks.iter().enumerate().skip(i + 1) {
            let pixels = differing(a, b);
            assert!(pixels >= 12, "looks {i} and {j} differ in {pixels} pixels only");
        }
    }
}

/// WCAG 2.2, "relative luminance" and "contrast ratio".
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |colour: &str| {
        let part = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("hex digits");
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    };
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    if a > b { a / b } else { b / a }
}

#[test]
fn tray_colours_stand_out_on_light_and_on_dark_bars() {
    for colour in [OPEN, PAUSED, TROUBLE] {
        for bar in ["#ffffff", "#353535", "#1e1e1e"] {
            let ratio = contrast(colour, bar);
            assert!(ratio >= 3.3, "{colour} on {bar} has {ratio:.2} to 1");
        }
    }
}

#[test]
#[ignore = "writes the files in icons/"]
#[expect(clippy::disallowed_methods, reason = "made from the drawing, so nothing can be lost")]
fn write_the_icons() {
    std::fs::create_dir_all(folder().join("tray")).expect("the folder can be made");
    for (name, bytes) in files() {
        std::fs::write(folder().join(name), bytes).expect("the file can be written");
    }
}
