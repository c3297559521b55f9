//! The frame of every page that is written to a file: it needs nothing but itself, in light and in dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What all pages look like.
const STYLE: &str = include_str!("report.css");

/// One HTML document; `style` is what this page looks like besides.
pub(super) fn framed(title: &str, style: &str, body: &Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    document.into_string()
}
