//! Flame graphs of before and after, drawn once: boxes on each other, as wide as somebody waited; and their difference.

use maud::{Markup, html as page};
use stats::tree::Branch;
use web::Flamed;

use super::super::prove::time;

const WIDTH: f64 = 960.0;
const ROW: f64 = 17.0;
/// Deeper ones are frames of frameworks that nobody reads on paper.
const DEPTH_MAX: u32 = 40;
/// Narrower than that nobody sees it.
const WIDE_MIN: f64 = 0.7;
/// A letter of the text in a box.
const LETTER: f64 = 5.6;

/// Which of the three is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Before,
    After,
    /// As wide as on the side where it took longer, coloured by what it gained or lost a request.
    Difference,
}

/// A box.
struct Rect<'a> {
    x: f64,
    wide: f64,
    branch: &'a Branch,
}

/// Before, after and the difference.
pub(super) fn graphs(flames: &Flamed) -> Markup {
    page! {
        h2 { "Where the time of requests goes" }
        p.basis {
            "Equal work is one box, as wide as somebody waited for it: " (crate::units::count(flames.requests[0]))
            " requests before, " (crate::units::count(flames.requests[1])) " after. Both are drawn to the same scale, a request's time."
        }
        h3 { "Before" }
        (graph(flames, Shown::Before))
        h3 { "After" }
        (graph(flames, Shown::After))
        h3 { "The difference" }
        p.basis { "Each box as wide as on the side where it took longer, so that both what is new and what is gone are there; red takes longer in a request after, blue less, grey the same." }
        (graph(flames, Shown::Difference))
    }
}

fn graph(flames: &Flamed, shown: Shown) -> Markup {
    let rects = rects(flames, shown);
    let depth = rects.iter().map(|rect| rect.branch.depth).max().unwrap_or(0);
    let high = f64::from(depth + 1) * ROW;
    let name = |branch: &Branch| {
        usize::try_from(branch.frame)
            .ok()
            .and_then(|place| flames.names.get(place))
            .map_or("", String::as_str)
    };
    let words = match shown {
        Shown::Before => "flame graph of the requests before",
        Shown::After => "flame graph of the requests after",
        Shown::Difference => "flame graph of the difference",
    };
    page! {
        svg.flame viewBox=(format!("0 0 {WIDTH} {high}")) role="img" aria-label=(words) {
            @for rect in &rects {
                @let y = f64::from(rect.branch.depth) * ROW;
                @let name = name(rect.branch);
                g {
                    title { (told(flames, rect.branch, name)) }
                    rect x=(format!("{:.1}", rect.x)) y=(y) width=(format!("{:.1}", rect.wide)) height=(ROW) fill=(colour(flames, rect.branch, shown, name)) {}
                    @if let Some(text) = fitting(name, rect.wide) {
                        text x=(format!("{:.1}", rect.x + 3.0)) y=(y + 12.0) { (text) }
                    }
                }
            }
        }
    }
}

/// Nanoseconds of a box a request.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of some requests")]
fn each(flames: &Flamed, branch: &Branch) -> [f64; 2] {
    let part = |total: u64, requests: u64| total as f64 / requests.max(1) as f64;
    [part(branch.before.total, flames.requests[0]), part(branch.after.total, flames.requests[1])]
}

fn rects(flames: &Flamed, shown: Shown) -> Vec<Rect<'_>> {
    let branches = &flames.tree.branches;
    let sizes = widths(flames, shown);
    let roots = branches.iter().filter(|branch| branch.parent.is_none());
    let sides: [f64; 2] = roots.fold([0.0; 2], |sums, branch| {
        let [before, after] = each(flames, branch);
        [sums[0] + before, sums[1] + after]
    });
    // One scale for both, so that what is narrower took less.
    let all: f64 = branches
        .iter()
        .zip(&sizes)
        .filter(|(branch, _)| branch.parent.is_none())
        .map(|(_, size)| size)
        .sum();
    let scale = WIDTH / sides[0].max(sides[1]).max(all).max(1e-9);
    // Where the next child of each box begins.
    let mut next = vec![0.0; branches.len()];
    let mut next_root = 0.0;
    let mut rects = Vec::new();
    for (place, branch) in branches.iter().enumerate() {
        let wide = sizes.get(place).copied().unwrap_or(0.0) * scale;
        let parent = branch.parent.and_then(|parent| usize::try_from(parent).ok());
        let begin = parent.and_then(|parent| next.get_mut(parent)).unwrap_or(&mut next_root);
        let x = *begin;
        *begin += wide;
        if let Some(own) = next.get_mut(place) {
            *own = x;
        }
        if WIDE_MIN <= wide && branch.depth <= DEPTH_MAX {
            rects.push(Rect { x, wide, branch });
        }
    }
    rects
}

/// How wide each box is, in nanoseconds a request. Of the difference at least as wide as all boxes on it.
fn widths(flames: &Flamed, shown: Shown) -> Vec<f64> {
    let branches = &flames.tree.branches;
    let own = |branch: &Branch| {
        let [before, after] = each(flames, branch);
        match shown {
            Shown::Before => before,
            Shown::After => after,
            Shown::Difference => before.max(after),
        }
    };
    let mut sizes: Vec<f64> = branches.iter().map(own).collect();
    if shown == Shown::Difference {
        let mut on = vec![0.0; branches.len()];
        // Children come after their parents.
        for (place, branch) in branches.iter().enumerate().rev() {
            sizes[place] = f64::max(sizes[place], on[place]);
            let parent = branch.parent.and_then(|parent| usize::try_from(parent).ok());
            if let Some(sum) = parent.and_then(|parent| on.get_mut(parent)) {
                *sum += sizes[place];
            }
        }
    }
    sizes
}

fn told(flames: &Flamed, branch: &Branch, name: &str) -> String {
    let [before, after] = each(flames, branch);
    format!(
        "{name}: {} → {} a request, {} → {} calls in all",
        time(before),
        time(after),
        crate::units::count(branch.before.count),
        crate::units::count(branch.after.count)
    )
}

/// As many letters as fit; none where that is less than a word.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "letters of a box")]
fn fitting(name: &str, wide: f64) -> Option<String> {
    let room = ((wide - 6.0) / LETTER).max(0.0) as usize;
    if room < 4 {
        return None;
    }
    let long = room < name.chars().count();
    let cut: String = name.chars().take(if long { room - 1 } else { room }).collect();
    Some(if long { format!("{cut}…") } else { cut })
}

/// By name, so that the same work has the same colour on both sides; of the difference by how much it changed.
fn colour(flames: &Flamed, branch: &Branch, shown: Shown, name: &str) -> String {
    if shown != Shown::Difference {
        let sum = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
        return format!("hsl({} 65% {}%)", 25 + sum % 30, 66 + sum / 30 % 12);
    }
    let [before, after] = each(flames, branch);
    let most = before.max(after);
    let change = if most > 0.0 { (after - before) / most } else { 0.0 };
    let hue = if change < 0.0 { 210 } else { 5 };
    format!("hsl({hue} {:.0}% {:.0}%)", change.abs() * 80.0, 88.0 - change.abs() * 26.0)
}
