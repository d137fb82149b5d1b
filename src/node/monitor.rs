//! Watches what the process uses and closes the gate to writes before memory or disk run out.

use crate::node::shared::Shared;
use std::{path::Path, sync::Arc};

/// What the process and the disk say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub resident_bytes: u64,
    /// The part of it that is no mapped file: the system can take back the pages of a file at any time, as of
    /// the log that was read at the start.
    pub own_bytes: u64,
    pub machine_bytes: u64,
    pub disk_free_bytes: u64,
}

/// Reads the operating system's own figures; what cannot be read is 0.
pub fn usage(data_dir: &Path) -> Usage {
    Usage {
        resident_bytes: field_kib("/proc/self/status", "VmRSS:") * 1024,
        own_bytes: field_kib("/proc/self/status", "RssAnon:") * 1024,
        machine_bytes: field_kib("/proc/meminfo", "MemTotal:") * 1024,
        disk_free_bytes: free_bytes(data_dir),
    }
}

fn field_kib(path: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}

fn free_bytes(path: &Path) -> u64 {
    use tollgate_cluster::disk::{Disk, RealDisk};
    RealDisk.free_bytes(path).unwrap_or(u64::MAX)
}

/// The most that the process may have of its own: as configured, or four fifths of the machine's.
pub fn memory_max(usage: Usage, configured: u64) -> u64 {
    if configured == 0 { usage.machine_bytes / 5 * 4 } else { configured }
}

/// How much more may be asked for before it is needed: up to three quarters of the most, the rest is for what
/// cannot wait.
pub fn room_bytes(usage: Usage, configured: u64) -> u64 {
    (memory_max(usage, configured) / 4 * 3).saturating_sub(usage.own_bytes)
}

/// Why writes must be refused, if they must. `refusing`: they are now; they are admitted again only with some
/// room (a twentieth), so that the gate does not flap.
pub fn verdict(usage: Usage, memory_max: u64, disk_free_min: u64, refusing: bool) -> Option<String> {
    let memory_max = self::memory_max(usage, memory_max);
    let (memory_limit, disk_limit) = if refusing {
        (memory_max - memory_max / 20, disk_free_min + disk_free_min / 20)
    } else {
        (memory_max, disk_free_min)
    };
    if memory_max > 0 && usage.own_bytes > memory_limit {
        let used = usage.own_bytes >> 20;
        return Some(format!("memory: {used} MiB are used, the limit is {} MiB", memory_max >> 20));
    }
    if usage.disk_free_bytes < disk_limit {
        let free = usage.disk_free_bytes >> 20;
        return Some(format!("disk: {free} MiB are free, {} MiB are left alone", disk_free_min >> 20));
    }
    None
}

/// Looks once, and opens or closes the gate.
pub(super) fn check(shared: &Arc<Shared>) {
    let limits = &shared.config.limits;
    let before = shared.gate.writes_refused();
    let now = verdict(
        usage(&shared.config.data_dir),
        limits.memory_bytes,
        limits.disk_free_bytes,
        before.is_some(),
    );
    if before.is_some() != now.is_some() {
        match &now {
            Some(reason) => tracing::error!(%reason, "writes are refused"),
            None => tracing::info!("writes are admitted again"),
        }
        shared.gate.refuse_writes(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn writes_are_refused_before_memory_or_disk_run_out() {
        // Mapped files don't count.
        let usage = |own, free| Usage {
            resident_bytes: 99 * GIB,
            own_bytes: own,
            machine_bytes: 10 * GIB,
            disk_free_bytes: free,
        };
        assert_eq!(verdict(usage(7 * GIB, 9 * GIB), 0, GIB, false), None);
        assert!(
            verdict(usage(9 * GIB, 9 * GIB), 0, GIB, false)
                .is_some_and(|r| r.starts_with("memory: 9216 MiB"))
        );
        assert!(verdict(usage(GIB, GIB / 2), 0, GIB, false).is_some_and(|r| r.starts_with("disk: 512 MiB")));
        assert!(verdict(usage(2 * GIB, 9 * GIB), GIB, GIB, false).is_some());
    }

    #[test]
    fn they_are_admitted_again_only_with_some_room() {
        let usage = Usage { own_bytes: 99, disk_free_bytes: GIB, ..Usage::default() };
        assert_eq!(verdict(usage, 100, 0, false), None);
        assert!(verdict(usage, 100, 0, true).is_some());
        assert_eq!(verdict(Usage { own_bytes: 90, ..usage }, 100, 0, true), None);
    }

    #[test]
    fn the_operating_system_answers() {
        let usage = usage(Path::new("/"));
        assert!(
            usage.own_bytes > 0
                && usage.resident_bytes >= usage.own_bytes
                && usage.machine_bytes > usage.resident_bytes
                && usage.disk_free_bytes > 0
        );
    }
}
