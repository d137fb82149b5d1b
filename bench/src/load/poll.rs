//! Waiting on several sockets at once, with a deadline in nanoseconds: ppoll(2); and what the system is asked
//! so that whoever waits runs soon after.

use std::os::fd::RawFd;

/// Lets ppoll wake within a microsecond of its deadline instead of the default 50, for the calling thread.
#[allow(unsafe_code, reason = "prctl has no safe wrapper among our dependencies")]
pub(crate) fn fine_timer() {
    // SAFETY: PR_SET_TIMERSLACK takes one integer by value and touches no memory of ours.
    let result = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_000 as libc::c_ulong) };
    debug_assert_eq!(result, 0);
}

/// Slices of the calling thread in ns, instead of the usual three milliseconds.
const SLICE_NS: u64 = 200_000;

/// Asks the scheduler to run the calling thread soon after it wakes, and not for long: its share is the same.
/// Its waits for a processor count as the contender's latency. Processes that it starts are treated as usual.
#[allow(unsafe_code, reason = "sched_setattr has no safe wrapper among our dependencies")]
pub(crate) fn short_slices() {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
        sched_nice: 0,
        sched_priority: 0,
        // Of an ordinary thread, the slice; Linux reads it so since 6.12, and ignores it before.
        sched_runtime: SLICE_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: sched_setattr reads `attributes`, which says its own size and outlives the call. Thread 0 is
    // the calling one.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result != 0 {
        eprintln!("the system's usual time slices are kept");
    }
}

#[repr(transparent)]
/// What to wait for on one socket, and after `wait` what has come.
pub(crate) struct Interest {
    inner: libc::pollfd,
}

impl Interest {
    pub(crate) fn new(fd: RawFd, want_write: bool) -> Self {
        let events = if want_write { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
        Self { inner: libc::pollfd { fd, events, revents: 0 } }
    }

    /// True when the socket has bytes, has ended, or has failed: a read will tell.
    pub(crate) fn readable(&self) -> bool {
        self.inner.revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0
    }
}

/// Waits until something has come or `timeout_ns` has passed; true when something has come.
#[allow(unsafe_code, reason = "ppoll has no safe wrapper among our dependencies")]
pub(crate) fn wait(interests: &mut [Interest], timeout_ns: u64) -> std::io::Result<bool> {
    let timeout = libc::timespec {
        tv_sec: (timeout_ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (timeout_ns % 1_000_000_000) as libc::c_long,
    };
    // SAFETY: `Interest` is a struct of one pollfd, so that the slice is an array of as many pollfds as it
    // has elements; the kernel writes only their revents. `timeout` outlives the call; a null mask is
    // allowed.
    let ready = unsafe {
        libc::ppoll(
            interests.as_mut_ptr().cast::<libc::pollfd>(),
            interests.len() as libc::nfds_t,
            &raw const timeout,
            std::ptr::null(),
        )
    };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    let error = std::io::Error::last_os_error();
    if error.kind() == std::io::ErrorKind::Interrupted { Ok(false) } else { Err(error) }
}
