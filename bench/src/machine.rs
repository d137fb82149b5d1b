//! What /proc and the operating system tell about this machine and about running processes.

use std::process::Command;

/// The kernel counts processor time in hundredths of a second, on every Linux that matters.
const TICKS_PER_SECOND: f64 = 100.0;

/// The machine in one line: processor, cores, memory, kernel.
pub(crate) fn description() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = value_of(&cpu, "model name").unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kib = value_of(&memory, "MemTotal").and_then(first_number).unwrap_or(0);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, {} GiB, Linux {}", memory_kib.div_ceil(1 << 20), kernel.trim())
}

/// The compiler that would build bench now, for the report.
pub(crate) fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Load average of the last minute: a figure taken on a busy machine should say so.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// Resident memory of a process, bytes; 0 when it is gone.
pub(crate) fn resident_bytes(process_id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).unwrap_or_default();
    value_of(&status, "VmRSS").and_then(first_number).unwrap_or(0) * 1024
}

/// Processor time used so far by a process and its children that still run, seconds.
pub(crate) fn processor_seconds(process_id: u32) -> f64 {
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some((parent, used)) = stat_ticks(&stat)
            && (id == process_id || parent == process_id)
        {
            ticks += used;
        }
    }
    ticks as f64 / TICKS_PER_SECOND
}

/// Processor time used so far by bench's own threads, seconds.
pub(crate) fn own_processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    stat_ticks(&stat).map_or(0.0, |(_, ticks)| ticks as f64 / TICKS_PER_SECOND)
}

/// Parent and processor time, in ticks, of a process from its file `stat`.
fn stat_ticks(stat: &str) -> Option<(u32, u64)> {
    // The name in parentheses may hold spaces; numbered fields start after it with the state, field 3.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some((number(4)? as u32, number(14)? + number(15)?))
}

/// The value behind `name` in the "name: value" lines of a file of /proc.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_machine() {
        assert!(resident_bytes(std::process::id()) > 100_000);
        assert!(description().contains("Linux"));
        assert!(processor_seconds(1) >= 0.0);
        assert_eq!(value_of("a: 1\nVmRSS:\t 12 kB\n", "VmRSS").and_then(first_number), Some(12));
    }
}
