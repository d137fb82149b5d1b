//! How the system's scheduler is asked to treat the node's threads. All of it is a wish: a system that
//! refuses one serves as well, with longer waits.

/// Replies come before what the calling thread does.
#[allow(unsafe_code, reason = "the standard library has no call for a thread's priority")]
pub(crate) fn lower_priority() {
    // SAFETY: setpriority reads three integers and touches no memory of ours. On Linux `who` 0 is the calling
    // thread.
    let outcome = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
    if outcome != 0 {
        tracing::warn!("a thread that can wait keeps its priority");
    }
}

/// Slices of the threads that do little at a time and that others wait for.
const SLICE_NS: u64 = 200_000;

/// The calling thread wants the processor soon and not for long: its share is the same, in shorter slices. A
/// call goes through four threads; with the usual slices of some milliseconds each might wait that long
/// behind one that computes.
#[allow(unsafe_code, reason = "the standard library has no call for a thread's slice")]
pub(crate) fn short_slices() {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        // Of an ordinary thread, the slice; Linux reads it so since 6.12.
        sched_runtime: SLICE_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: sched_setattr reads `attributes`, which says its own size and outlives the call. Thread 0 is
    // the calling one.
    let outcome = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if outcome != 0 {
        tracing::debug!("the system's usual time slices are kept");
    }
}

/// Where a thread runs, of the processors that the process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processors {
    /// The first one.
    First,
    /// All but the first one.
    Others,
}

/// The calling thread keeps to these processors. With a single one there is nothing to choose.
///
/// A thread that is woken is mostly put where whoever wakes it runs, and waits there for it, while another
/// processor idles.
#[allow(unsafe_code, reason = "the standard library has no call for a thread's processors")]
pub(crate) fn keep_to(processors: Processors) {
    // SAFETY: a cpu_set_t is an array of integers: all zero is one, the empty set.
    let mut allowed: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // Of the process's first thread, which never keeps to fewer than it was given. SAFETY: getpid has no
    // arguments; sched_getaffinity writes no more into `allowed` than the size it is given.
    let outcome =
        unsafe { libc::sched_getaffinity(libc::getpid(), size_of::<libc::cpu_set_t>(), &raw mut allowed) };
    let all = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: `number` is below CPU_SETSIZE, the number of bits in the set.
    let mut numbers = all.filter(|&number| unsafe { libc::CPU_ISSET(number, &allowed) });
    let (Some(first), true) = (numbers.next(), numbers.next().is_some() && outcome == 0) else { return };
    let mut wanted = allowed;
    match processors {
        // SAFETY: as above.
        Processors::Others => unsafe { libc::CPU_CLR(first, &mut wanted) },
        // SAFETY: as above.
        Processors::First => unsafe {
            libc::CPU_ZERO(&mut wanted);
            libc::CPU_SET(first, &mut wanted);
        },
    }
    // SAFETY: sched_setaffinity reads as many bytes of `wanted` as it has.
    let outcome = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const wanted) };
    if outcome != 0 {
        tracing::debug!("a thread may run on any processor");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many processors the calling thread may use.
    fn available() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    #[test]
    fn the_first_processor_and_the_others_are_all_there_are() {
        let before = available();
        let on = |processors| {
            let keep_to_them = move || {
                keep_to(processors);
                let kept = available();
                // A thread begins with the processors of the one that starts it.
                let started = std::thread::spawn(|| {
                    keep_to(Processors::Others);
                    available()
                });
                (kept, started.join().expect("no panic"))
            };
            std::thread::spawn(keep_to_them).join().expect("no panic")
        };
        let others = (before - 1).max(1);
        assert_eq!(on(Processors::First), (1, others));
        assert_eq!(on(Processors::Others), (others, others));
        assert_eq!(available(), before, "other threads run where they did");
    }
}
