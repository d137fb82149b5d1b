//! The process's limit of open files. Many systems start a process with 1,024 of them, fewer than the
//! connections that the configuration lets in.

use crate::config::Config;
use std::io;

/// What the server opens besides client connections: the log, snapshots, its own sockets; and connections
/// that are told that there are too many.
const RESERVED: u64 = 256;

/// Raises the soft limit to the hard one, and says so if that is not enough for the connections over both
/// ports.
pub(super) fn allow_all(config: &Config) {
    match raise_limit() {
        Ok(limit) => {
            let wanted = 2 * config.limits.connections as u64 + RESERVED;
            if limit < wanted {
                tracing::warn!(
                    limit,
                    "limits.connections is {}: with as many over each port, {wanted} files may be open. Raise the \
                     hard limit of open files (LimitNOFILE, ulimit -Hn), or lower limits.connections",
                    config.limits.connections
                );
            }
        }
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// The limit there is then.
fn raise_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    #[allow(unsafe_code, reason = "the standard library has no resource limits")]
    // SAFETY: getrlimit writes to the structure it is given and to nothing else.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    if read != 0 {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        #[allow(unsafe_code, reason = "the standard library has no resource limits")]
        // SAFETY: setrlimit only reads the structure it is given.
        let written = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
        if written != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_many_files_as_the_system_allows() {
        let limit = super::raise_limit().expect("a process may raise its own soft limit");
        assert_eq!(super::raise_limit().expect("it may do so again"), limit);
    }
}
