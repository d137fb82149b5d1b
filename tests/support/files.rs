//! The limit of open files, which many systems set lower than a test with a thousand sockets needs.

/// Raises this process's limit, and with it that of the servers it starts from now on.
pub(crate) fn allow_open(count: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    #[allow(unsafe_code, reason = "the standard library has no resource limits")]
    // SAFETY: getrlimit writes to the structure it is given and to nothing else.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(read, 0, "a process may read its own limits");
    if limit.rlim_cur >= count {
        return;
    }
    assert!(
        limit.rlim_max >= count,
        "this test needs {count} open files, the hard limit is {}",
        limit.rlim_max
    );
    limit.rlim_cur = count;
    #[allow(unsafe_code, reason = "the standard library has no resource limits")]
    // SAFETY: setrlimit only reads the structure it is given.
    let written = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(written, 0, "a process may raise its soft limit to its hard one");
}
