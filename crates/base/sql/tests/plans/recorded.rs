//! What servers printed.

use std::{collections::BTreeMap, fs, path::Path};

use model::{
    Plan,
    plan::{Actual, Buffers, IoTimes, Jit, JitTimes, Resources, Wal},
};

/// Recorded plans: by version, name and options, then by format.
pub(crate) fn recorded() -> BTreeMap<String, BTreeMap<String, String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/plans");
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let version = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = format!("\n{}", fs::read_to_string(&path).unwrap());
        for block in text.split("\n@@ ").skip(1) {
            let (head, plan) = block.split_once('\n').unwrap();
            let [name, options, format] = head.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{head}");
            };
            let formats = all.entry(format!("{version} {name} {options}")).or_default();
            formats.insert(format.to_owned(), plan.to_owned());
        }
    }
    all
}

/// Takes away what differs from one run of the same statement to the next.
pub(crate) fn steady(plan: &mut Plan) {
    zero(&mut plan.planning.time_ms);
    zero(&mut plan.execution_ms);
    plan.planning.buffers = Buffers::default();
    compiled(&mut plan.jit);
    for trigger in &mut plan.triggers {
        zero(&mut trigger.time_ms);
    }
    for node in &mut plan.nodes {
        ran(&mut node.actual);
        used(&mut node.resources);
        for worker in &mut node.workers {
            ran(&mut worker.actual);
            used(&mut worker.resources);
        }
    }
}

fn zero(time: &mut Option<f64>) {
    *time = time.map(|_| 0.0);
}

fn ran(actual: &mut Option<Actual>) {
    if let Some(actual) = actual {
        zero(&mut actual.startup_ms);
        zero(&mut actual.total_ms);
    }
}

fn compiled(jit: &mut Option<Jit>) {
    if let Some(times) = jit.as_mut().and_then(|jit| jit.times.as_mut()) {
        *times = JitTimes { deform_ms: times.deform_ms.map(|_| 0.0), ..JitTimes::default() };
    }
}

fn used(used: &mut Resources) {
    used.buffers = Buffers::default();
    used.io = IoTimes::default();
    used.wal = Wal::default();
    compiled(&mut used.jit);
}
