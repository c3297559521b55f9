//! Where in the application's code a span was made: from `code.*`, from a stack trace, or from the comment
//! that an instrumentation wrote into the statement.

use model::{CodeLocation, Text};

use super::{
    cut,
    facts::{Facts, Key},
};

/// Longest function or file that is kept.
const NAME_BYTES_MAX: usize = 300;

/// Frames of a stack trace that are looked at; deeper than that lies the framework.
const FRAMES_MAX: usize = 500;

/// The place in the code, if the span tells one.
pub(super) fn location(facts: &Facts<'_>) -> Option<Box<CodeLocation>> {
    let told = attributes(facts).filter(|place| !is_library(&place.file, &place.function));
    let found = told
        .or_else(|| facts.text(Key::CodeStack).and_then(nearest))
        .or_else(|| facts.text(Key::DbText).and_then(comment))?;
    Some(Box::new(found))
}

fn attributes(facts: &Facts<'_>) -> Option<CodeLocation> {
    let function = facts.text(Key::CodeFunction).unwrap_or_default();
    let file = facts.text(Key::CodeFile).unwrap_or_default();
    if function.is_empty() && file.is_empty() {
        return None;
    }
    let mut qualified = Text::default();
    if let Some(namespace) = facts.text(Key::CodeNamespace)
        && !function.is_empty()
        && !function.starts_with(namespace)
    {
        qualified.push_str(&cut(namespace, NAME_BYTES_MAX));
        qualified.push_str(if namespace.contains("::") { "::" } else { "." });
    }
    qualified.push_str(&cut(function, NAME_BYTES_MAX));
    let line = facts.count(Key::CodeLine).and_then(|line| u32::try_from(line).ok());
    Some(CodeLocation {
        function: qualified,
        file: cut(file, NAME_BYTES_MAX),
        line: line.unwrap_or(0),
    })
}

/// How paths of files of libraries and languages begin.
const LIBRARY_ROOTS: &[&str] = &[
    "/usr/lib/",
    "/usr/local/lib/",
    "/usr/local/go/",
    "/rustc/",
    "<frozen",
    "<internal",
    "node:",
    "internal/",
    "[internal function]",
];

/// Folders that only libraries and languages lie in.
fn is_library_folder(folder: &str) -> bool {
    matches!(
        folder,
        "site-packages"
            | "dist-packages"
            | "node_modules"
            | "gems"
            | "vendor"
            | ".cargo"
            | "opentelemetry"
    )
}

/// Packages of libraries and languages, as qualified names begin.
const LIBRARY_PACKAGES: &[&str] = &[
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "scala.",
    "org.springframework.",
    "org.hibernate.",
    "org.apache.",
    "io.opentelemetry.",
    "com.zaxxer.",
    "org.postgresql.",
    "com.mysql.",
    "org.eclipse.",
    "io.netty.",
    "reactor.",
    "io.micrometer.",
    "net.bytebuddy.",
    "com.fasterxml.",
    "System.",
    "Microsoft.",
    "Npgsql.",
    "OpenTelemetry.",
    "runtime.",
    "net/http.",
    "database/sql.",
    "gorm.io/",
    "go.opentelemetry.io/",
    "github.com/jackc/",
    "django.",
    "sqlalchemy.",
    "rest_framework.",
    "psycopg",
    "node:",
    "Illuminate\\",
    "Symfony\\",
];

fn is_library(file: &str, function: &str) -> bool {
    let mut above = "";
    let in_library = file.split(['/', '\\']).any(|folder| {
        let pair = (std::mem::replace(&mut above, folder), folder);
        is_library_folder(folder) || matches!(pair, ("pkg", "mod") | ("lib", "ruby"))
    });
    in_library
        || LIBRARY_ROOTS.iter().any(|root| file.starts_with(root))
        || LIBRARY_PACKAGES.iter().any(|package| function.starts_with(package))
}

/// The frame nearest to the call that is not part of a library.
fn nearest(stack: &str) -> Option<CodeLocation> {
    let own = |place: &CodeLocation| !is_library(&place.file, &place.function);
    if stack.contains("File \"") {
        // Python prints the most recent call last.
        return stack.lines().rev().take(FRAMES_MAX).filter_map(python).find(own);
    }
    let mut above = "";
    for line in stack.lines().take(FRAMES_MAX) {
        let found = frame(line, above);
        above = line;
        if let Some(place) = found.filter(own) {
            return Some(place);
        }
    }
    None
}

/// `  File "/app/views.py", line 12, in list_orders`
fn python(line: &str) -> Option<CodeLocation> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let (line, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some(place(function, file, line))
}

/// A line of a stack trace of any language that prints the most recent call first; `above` is the
/// line before it.
fn frame(line: &str, above: &str) -> Option<CodeLocation> {
    let text = line.trim();
    if let Some(rest) = text.strip_prefix("at ") {
        return dotnet(rest).or_else(|| java_or_node(rest));
    }
    if let Some(rest) = text.strip_prefix('#') {
        return php(rest);
    }
    if line.starts_with('\t') {
        return go(text, above);
    }
    ruby(text)
}

/// `Acme.Orders.Load() in /src/Orders.cs:line 42`
fn dotnet(rest: &str) -> Option<CodeLocation> {
    let (function, at) = rest.split_once(" in ")?;
    let (file, line) = at.rsplit_once(":line ")?;
    Some(place(before_arguments(function), file, line))
}

/// `com.acme.Orders.load(Orders.java:42)`, `Orders.load (/app/orders.js:10:5)`, `/app/orders.js:10:5`
fn java_or_node(rest: &str) -> Option<CodeLocation> {
    let Some((function, at)) = rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) else {
        let (file, line) = file_line_column(rest)?;
        return Some(place("", file, line));
    };
    let function = function.trim_end();
    let function = function.strip_prefix("async ").unwrap_or(function);
    // Java may put a class loader and a module before the name: `app//com.acme.Orders.load`.
    let function = function.rsplit_once('/').map_or(function, |(_, name)| name);
    let (file, line) = file_line_column(at).or_else(|| at.rsplit_once(':'))?;
    Some(place(function, file, line))
}

/// `file:///app/orders.js:10:5`
fn file_line_column(at: &str) -> Option<(&str, &str)> {
    let (rest, column) = at.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let file = file.strip_prefix("file://").unwrap_or(file);
    (is_number(line) && is_number(column)).then_some((file, line))
}

/// `0 /app/Orders.php(12): Orders->load()`
fn php(rest: &str) -> Option<CodeLocation> {
    let (_, rest) = rest.split_once(' ')?;
    let (at, function) = rest.split_once("): ")?;
    let (file, line) = at.rsplit_once('(')?;
    Some(place(before_arguments(function), file, line))
}

/// `/app/orders.go:33 +0x1d`, below the line of its function
fn go(text: &str, above: &str) -> Option<CodeLocation> {
    let at = text.split(' ').next()?;
    let (file, line) = at.rsplit_once(':')?;
    let function = above.trim();
    let function = function.rfind('(').and_then(|end| function.get(..end)).unwrap_or(function);
    Some(place(function, file, line))
}

/// ``/app/models/order.rb:12:in `load'``
fn ruby(text: &str) -> Option<CodeLocation> {
    let (at, function) = text.split_once(":in ")?;
    let (file, line) = at.rsplit_once(':')?;
    Some(place(function.trim_matches(['`', '\'']), file, line))
}

fn before_arguments(function: &str) -> &str {
    function.split('(').next().unwrap_or_default()
}

fn place(function: &str, file: &str, line: &str) -> CodeLocation {
    CodeLocation {
        function: cut(function.trim(), NAME_BYTES_MAX),
        file: cut(file.trim(), NAME_BYTES_MAX),
        line: line.trim().parse().unwrap_or(0),
    }
}

/// The comment of sqlcommenter (`/*controller='orders',route='…'*/`) or of Rails
/// (`/*controller:orders,action:index,line:/app/x.rb:3*/`) at either end of a statement.
fn comment(statement: &str) -> Option<CodeLocation> {
    let statement = statement.trim();
    let inner = match statement.strip_suffix("*/") {
        Some(rest) => rest.rsplit_once("/*")?.1,
        None => statement.strip_prefix("/*")?.split_once("*/")?.0,
    };
    let value = |key: &str| {
        inner.split(',').find_map(|pair| {
            let (name, value) = pair.trim().split_once(['=', ':'])?;
            (name.trim() == key).then(|| decoded(value.trim().trim_matches('\'')))
        })
    };
    let (source, line) = match value("line").or_else(|| value("source_location")) {
        Some(at) => {
            let at = at.split(":in ").next().unwrap_or_default();
            let (file, line) = at.rsplit_once(':').unwrap_or((at, ""));
            (Text::from(file), line.parse().unwrap_or(0))
        }
        None => (value("file").or_else(|| value("filepath")).unwrap_or_default(), 0),
    };
    let mut function = value("controller").unwrap_or_default();
    if let Some(action) = value("action") {
        function.push('#');
        function.push_str(&action);
    }
    let found = CodeLocation {
        function: cut(&function, NAME_BYTES_MAX),
        file: cut(&source, NAME_BYTES_MAX),
        line,
    };
    (!found.function.is_empty() || !found.file.is_empty()).then_some(found)
}

/// Percent escapes turned into what they stand for; what is none stays.
fn decoded(text: &str) -> Text {
    if !text.contains('%') {
        return Text::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digit = |place: usize| char::from(*tail.get(place)?).to_digit(16);
        let escaped =
            digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        if let (b'%', Some(byte)) = (first, escaped) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Text::from(String::from_utf8_lossy(&bytes))
}
