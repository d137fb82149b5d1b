//! The limit of open files, which many systems set lower than a test with a thousand sockets needs.

/// Raises this process's limit, and with it that of the servers it starts from now on.
pub(crate) fn allow_open(count: u64) {
    let allowed = allow_open_up_to(count);
    assert!(allowed >= count, "this test needs {count} open files, the hard limit is {allowed}");
}

/// The same as far as it goes: how many it became.
pub(crate) fn allow_open_up_to(count: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    #[allow(unsafe_code, reason = "the standard library has no resource limits")]
    // SAFETY: getrlimit writes to the structure it is given and to nothing else.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(read, 0, "a process may read its own limits");
    let count = count.min(limit.rlim_max);
    if limit.rlim_cur >= count {
        return count;
    }
    limit.rlim_cur = count;
    #[allow(unsafe_code, reason = "the standard library has no resource limits")]
    // SAFETY: setrlimit only reads the structure it is given.
    let written = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(written, 0, "a process may raise its soft limit to its hard one");
    count
}
