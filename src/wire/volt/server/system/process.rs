//! What the operating system says of this process. What cannot be read is 0 or empty.

use std::fs;

pub(super) fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string()
}

/// Processor time used so far by all threads, milliseconds.
pub(super) fn cpu_ms() -> u64 {
    /// Linux counts processor time for user programs in hundredths of a second, on every machine.
    const MS_PER_TICK: u64 = 10;
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name, in parentheses, may have spaces of its own.
    let Some((_, fields)) = text.rsplit_once(')') else { return 0 };
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * MS_PER_TICK
}

/// Processors this process may use.
pub(super) fn cpu_threads() -> u32 {
    std::thread::available_parallelism().map_or(0, |threads| threads.get() as u32)
}

/// How many files may be open, and how many are.
pub(super) fn files() -> (u32, u32) {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let max = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0);
    let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u32);
    (max, open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operating_system_answers() {
        let (max, open) = files();
        assert!(max >= open && open > 0, "{open} of {max}");
        assert!(!hostname().is_empty());
        let before = cpu_ms();
        let mut sum = 0u64;
        while cpu_ms() == before {
            sum = sum.wrapping_add((0..10_000u64).sum());
        }
        assert!(cpu_ms() > before && sum > 0);
    }
}
