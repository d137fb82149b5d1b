//! What every process tells of itself, under the names that Prometheus' client libraries use.

use super::exposition::Exposition;
use crate::node::shared::Shared;

pub(super) fn write(out: &mut Exposition, shared: &Shared) {
    out.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
        .value(shared.started_ms as f64 / 1e3);
    if let Some(seconds) = cpu_seconds() {
        out.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
            .value(seconds);
    }
    if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
        out.gauge("process_open_fds", "Number of open file descriptors.").value(descriptors.count());
    }
    let mut build = out.gauge("tollgate_build_info", "The version that runs.");
    build.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
}

/// User and system time of all threads.
fn cpu_seconds() -> Option<f64> {
    /// Linux counts these two in hundredths of a second on every machine it runs on.
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The fields follow the process's name, which is in brackets and may itself have any letter.
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS_PER_SECOND)
}
