//! How the system's scheduler is asked to treat the node's threads. All of it is a wish: a system that refuses one serves
//! as well, with longer waits.

/// Replies come before what the calling thread does.
#[allow(unsafe_code, reason = "the standard library has no call for a thread's priority")]
pub(crate) fn lower_priority() {
    // SAFETY: setpriority reads three integers and touches no memory of ours. On Linux `who` 0 is the calling thread.
    let outcome = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
    if outcome != 0 {
        tracing::warn!("a thread that can wait keeps its priority");
    }
}

/// Slices of the threads that do little at a time and that others wait for.
const SLICE_NS: u64 = 200_000;

/// The calling thread wants the processor soon and not for long: its share is the same, in shorter slices. A call goes
/// through four threads; with the usual slices of some milliseconds each might wait that long behind one that computes.
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
    // SAFETY: sched_setattr reads `attributes`, which says its own size and outlives the call. Thread 0 is the calling one.
    let outcome = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if outcome != 0 {
        tracing::debug!("the system's usual time slices are kept");
    }
}
