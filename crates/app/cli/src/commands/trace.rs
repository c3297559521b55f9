//! `taut trace`: one trace as a waterfall.

use std::path::PathBuf;

use clap::Args;
use engine::TraceDetail;
use model::{Trace, TraceId};
use store::Store as _;

use super::{Done, OK, find::tell_problems, settings::SettingsFile};
use crate::{
    opening,
    report::waterfall,
    say::{self, Failure},
};

/// Show a trace as a waterfall: from a file, or by its id from the store of `taut up`.
///
/// Of a file with many traces, the slowest is shown.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A file with traces, `-` for standard input, or a trace id of 32 hexadecimal digits.
    #[arg(value_name = "FILE|ID")]
    what: String,
    /// Of a file with many traces, this one.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Show every span; without it, similar neighbours are folded.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let trace = match trace_id(&arguments.what) {
        Some(id) => from_store(arguments, id)?,
        None => from_file(arguments)?,
    };
    let shown = web::wire_trace(&TraceDetail { spans: Vec::new(), trace });
    say::data(&waterfall::show(&shown, arguments.all, say::columns()))?;
    OK
}

fn trace_id(text: &str) -> Option<TraceId> {
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| TraceId::from_hex(text)).flatten()
}

fn from_file(arguments: &Arguments) -> Result<Trace, Failure> {
    let path = PathBuf::from(&arguments.what);
    let read = engine::read_file(&path).map_err(|error| {
        Failure::world(&error).hint(format!("{}; a trace id has 32 digits", error.hint()))
    })?;
    tell_problems(&read);
    let wanted = match &arguments.id {
        Some(text) => Some(TraceId::from_hex(text).ok_or_else(|| {
            Failure::use_of(format!("`{text}` is no trace id"))
                .hint("a trace id has up to 32 hexadecimal digits")
        })?),
        None => None,
    };
    let traces = engine::traces_of(&read.spans);
    let count = traces.len();
    traces
        .into_iter()
        .filter(|trace| wanted.is_none_or(|wanted| wanted == trace.id))
        .max_by_key(|trace| trace.nodes.first().map(|node| node.call.duration()))
        .ok_or_else(|| {
            Failure::use_of(format!("`{}` holds no such trace", path.display()))
                .hint(format!("it holds {count} others"))
        })
}

fn from_store(arguments: &Arguments, id: TraceId) -> Result<Trace, Failure> {
    let settings = arguments.settings.load(Vec::new())?;
    let folder = &settings.store.folder;
    if !folder.exists() {
        return Err(Failure::use_of(format!("there is no store in `{}`", folder.display()))
            .hint("`taut up` makes one; `--config` or TAUT_STORE_FOLDER says where it is"));
    }
    let (store, _) = opening::open(&settings).map_err(|error| {
        Failure::world(&error)
            .hint(format!("while `taut up` runs, open http://{}/traces/{id}", settings.web.listen))
    })?;
    let spans = store.trace(id).map_err(|error| Failure::world(&error))?;
    engine::traces_of(&spans).into_iter().next().ok_or_else(|| {
        if let Some(Err(trouble)) = opening::held(&settings) {
            return opening::away(&trouble);
        }
        Failure::use_of(format!("no span of trace {id} is kept"))
            .hint("it may be older than `store.age-max`")
    })
}
