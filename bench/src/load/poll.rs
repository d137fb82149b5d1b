//! Waiting on several sockets at once, with a deadline in nanoseconds: ppoll(2).

use std::os::fd::RawFd;

/// Lets ppoll wake within a microsecond of its deadline instead of the default 50, for the calling thread.
#[allow(unsafe_code, reason = "prctl has no safe wrapper among our dependencies")]
pub(crate) fn fine_timer() {
    // SAFETY: PR_SET_TIMERSLACK takes one integer by value and touches no memory of ours.
    let result = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_000 as libc::c_ulong) };
    debug_assert_eq!(result, 0);
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
    // SAFETY: `Interest` is a struct of one pollfd, so that the slice is an array of as many pollfds as it has
    // elements; the kernel writes only their revents. `timeout` outlives the call; a null mask is allowed.
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
