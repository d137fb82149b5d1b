//! Memory asked for ahead. A page that the process touches for the first time is zeroed by the system, a huge
//! page of 2 MiB at a time, and on a virtual machine its host may have to find it first: milliseconds, in
//! which the executor that touched it answers nobody. So a thread of its own touches the pages next in line
//! before an executor does.
//!
//! Works for a binary whose global allocator is [`Allocator`]: that one sees how far allocations have come.
//! Elsewhere nothing is asked for ahead and nothing else is different.

use crate::{
    clock,
    config::MemoryConfig,
    node::{monitor, priority::lower_priority},
};
use anyhow::{Context, Result};
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use std::{
    alloc::{GlobalAlloc, Layout},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread::JoinHandle,
    time::Duration,
};

/// mimalloc, with an eye on how far into its memory it has come.
pub struct Allocator(mimalloc::MiMalloc);

/// The end of the highest allocation so far; 0: another allocator is in use.
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// Smaller allocations lie on pages that a larger one will stand next to soon enough.
const NOTED_BYTES_MIN: usize = 1024;

impl Allocator {
    #[allow(clippy::new_without_default, reason = "it is made in a static")]
    pub const fn new() -> Allocator {
        Allocator(mimalloc::MiMalloc)
    }
}

#[inline]
fn note(start: *mut u8, bytes: usize) {
    if bytes >= NOTED_BYTES_MIN {
        let end = start as usize + bytes;
        // Rarely true, so the line stays shared among the processors.
        if end > HIGHEST.load(Ordering::Relaxed) {
            HIGHEST.fetch_max(end, Ordering::Relaxed);
        }
    }
}

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every method hands its arguments to mimalloc's own implementation of the same method and its result
// back, unchanged; `note` looks at addresses as numbers only.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        let start = unsafe { self.0.alloc(layout) };
        note(start, layout.size());
        start
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        let start = unsafe { self.0.alloc_zeroed(layout) };
        note(start, layout.size());
        start
    }

    #[inline]
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        let start = unsafe { self.0.realloc(old, layout, bytes) };
        note(start, bytes);
        start
    }

    #[inline]
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.0.dealloc(start, layout) }
    }
}

/// How long freed memory stays with the process before it goes back to the system: long enough that the
/// copies one snapshot makes necessary find what those of the one before left.
const PURGE_DELAY_MS: std::ffi::c_long = 600_000;
/// `mi_option_purge_delay` among mimalloc 3's options, and its default; the crate names no constant for it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
const PURGE_DELAY_DEFAULT_MS: std::ffi::c_long = 1_000;

/// Leaves the option alone if whoever started the process set it, or if it is another one than we think.
#[allow(unsafe_code, reason = "the allocator's options have no safe interface")]
fn keep_freed_memory() {
    // SAFETY: both functions take integers by value, check the option's number against the table they know,
    // and read and write an integer of that table; at worst another thread purges by the old value once more.
    unsafe {
        if libmimalloc_sys::mi_option_get(PURGE_DELAY) == PURGE_DELAY_DEFAULT_MS {
            libmimalloc_sys::mi_option_set(PURGE_DELAY, PURGE_DELAY_MS);
        }
    }
}

/// Its thread's handle.
pub struct MemoryThread {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// How often the thread looks how far allocations have come.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Asked for in one go: a huge page.
const STEP_BYTES: usize = 2 << 20;

impl MemoryThread {
    /// Starts the thread, if there is anything to do. `data_dir`: where the node is, for its limits.
    pub fn start(config: &MemoryConfig, memory_max: u64, data_dir: PathBuf) -> Result<Option<MemoryThread>> {
        let first = HIGHEST.load(Ordering::Relaxed);
        if first == 0 {
            return Ok(None);
        }
        keep_freed_memory();
        make_ready(config.ready_bytes, memory_max, &data_dir);
        let ahead_bytes = usize::try_from(config.ahead_bytes).unwrap_or(usize::MAX);
        if ahead_bytes == 0 {
            return Ok(None);
        }
        let (stop, stopped) = crossbeam::channel::bounded(1);
        let run = move || Frontier { first, done: first, ahead_bytes, memory_max, data_dir }.run(&stopped);
        let thread = std::thread::Builder::new().name("memory".to_string()).spawn(run);
        Ok(Some(MemoryThread { stop, thread: thread.context("the memory thread could not be started")? }))
    }

    pub fn stop(self) {
        drop(self.stop);
        // It holds nothing that a panic could have spoiled.
        let _ = self.thread.join();
    }
}

/// Has the system provide so much beyond what allocations have reached, on the calling thread; less if the
/// allocator has not reserved as much. How much of it is there now.
pub fn provide(bytes: u64) -> u64 {
    let first = HIGHEST.load(Ordering::Relaxed) & !(STEP_BYTES - 1);
    if first == 0 {
        return 0;
    }
    let end = populate(first, first.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX)));
    bytes.min((end - first) as u64)
}

/// mimalloc takes no less at once: its `MI_ARENA_MIN_SIZE`.
const RESERVE_BYTES_MIN: usize = 32 << 20;

/// Has the allocator reserve so much more, and the system provide it.
fn reserve(bytes: usize) {
    if bytes > 0
        && let Some(start) = reserve_at(bytes.max(RESERVE_BYTES_MIN))
    {
        populate(start, start + bytes);
    }
}

/// Where the reserve begins. In huge pages, as what the allocator reserves by itself: small ones cost the
/// readers of a stream a quarter of their rate.
#[allow(unsafe_code, reason = "the allocator's arenas have no safe interface")]
fn reserve_at(bytes: usize) -> Option<usize> {
    unsafe extern "C" {
        /// Where an arena begins; the size is told if there is a place for it.
        fn mi_arena_area(arena: libmimalloc_sys::mi_arena_id_t, bytes: *mut usize) -> *mut libc::c_void;
    }
    let mut arena: libmimalloc_sys::mi_arena_id_t = std::ptr::null_mut();
    // SAFETY: the first writes the new arena's number to a place that outlives the call, or fails; memory of
    // an arena that is not exclusive is the allocator's to give out, which nothing here does. The second
    // reads the arena that the first has made, which lives as long as the process, and writes nothing when
    // there is no place for the size.
    unsafe {
        let (commit, allow_large, exclusive) = (true, true, false);
        let error =
            libmimalloc_sys::mi_reserve_os_memory_ex(bytes, commit, allow_large, exclusive, &raw mut arena);
        (error == 0).then(|| mi_arena_area(arena, std::ptr::null_mut()) as usize)
    }
}

/// Provides so much, as far as the limit on memory leaves room.
fn make_ready(bytes: u64, memory_max: u64, data_dir: &Path) {
    if bytes == 0 {
        return;
    }
    let started = clock::now();
    let before = monitor::usage(data_dir);
    let wanted = bytes.min(monitor::room_bytes(before, memory_max));
    let missing = wanted - provide(wanted);
    reserve(usize::try_from(missing).unwrap_or(usize::MAX) & !(STEP_BYTES - 1));
    let bytes = monitor::usage(data_dir).own_bytes.saturating_sub(before.own_bytes);
    tracing::info!(bytes, ms = started.elapsed().as_millis() as u64, "memory is ready");
}

struct Frontier {
    /// Where allocations had come when the node started.
    first: usize,
    /// Pages up to here were asked for.
    done: usize,
    ahead_bytes: usize,
    memory_max: u64,
    data_dir: PathBuf,
}

impl Frontier {
    fn run(&mut self, stopped: &Receiver<()>) {
        lower_priority();
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_EVERY) {
            let highest = HIGHEST.load(Ordering::Relaxed);
            let target = target(self.first, highest, self.ahead_bytes);
            self.done = self.done.max(highest) & !(STEP_BYTES - 1);
            if self.done < target {
                self.ask_up_to(target.min(self.done.saturating_add(self.room_bytes())));
            }
        }
    }

    fn room_bytes(&self) -> usize {
        let room_bytes = monitor::room_bytes(monitor::usage(&self.data_dir), self.memory_max);
        usize::try_from(room_bytes).unwrap_or(usize::MAX)
    }

    fn ask_up_to(&mut self, target: usize) {
        // A few steps at a time: allocations go on meanwhile, and whoever stops the node waits for the rest.
        let next = self.done.saturating_add(16 * STEP_BYTES);
        self.done = populate(self.done, target.min(next));
    }
}

/// Up to where pages are to be there: twice as far ahead as the node has grown, at most so many bytes. A node
/// that does not grow takes nothing.
fn target(first: usize, highest: usize, ahead_bytes: usize) -> usize {
    highest.saturating_add(highest.saturating_sub(first).saturating_mul(2).min(ahead_bytes))
}

/// Has the system provide pages from one address up to another, step by step; how far it came, for it ends
/// where the allocator has reserved nothing.
fn populate(from: usize, to: usize) -> usize {
    (from..to)
        .step_by(STEP_BYTES)
        .find(|&start| !populate_step(start))
        .unwrap_or_else(|| from + to.saturating_sub(from).next_multiple_of(STEP_BYTES))
}

/// Has the system provide one step's pages, if they are mapped.
#[allow(unsafe_code, reason = "the standard library has no call for it")]
fn populate_step(start: usize) -> bool {
    // Linux has it since 5.14, older ones refuse it. SAFETY: this advice changes no byte of any mapping:
    // pages that are there stay as they are, pages that are not are made as a write would make them, and
    // addresses that are not mapped, or not writable, are refused.
    unsafe { libc::madvise(start as *mut libc::c_void, STEP_BYTES, libc::MADV_POPULATE_WRITE) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_far_ahead_as_the_node_has_grown_but_not_further_than_told() {
        assert_eq!(target(1000, 1000, 500), 1000);
        assert_eq!(target(1000, 1100, 500), 1300);
        assert_eq!(target(1000, 9000, 500), 9500);
        assert_eq!(target(1000, 900, 500), 900);
    }

    #[test]
    fn pages_are_there_after_they_were_asked_for_and_unchanged() {
        let bytes = 4 * STEP_BYTES;
        let mut memory = memmap2::MmapMut::map_anon(bytes).expect("memory");
        let start = (memory.as_ptr() as usize).next_multiple_of(STEP_BYTES);
        let at = start - memory.as_ptr() as usize;
        memory[at + 5] = 7;
        if !populate_step(start) {
            eprintln!("skipped: this kernel does not populate pages");
            return;
        }
        assert_eq!(memory[at + 5], 7);
        assert_eq!(memory[at + 6], 0);
        let reserved = reserve_at(RESERVE_BYTES_MIN).expect("address space");
        assert_eq!(populate(reserved, reserved + bytes), reserved + bytes, "a reserve can be provided");
        drop(memory);
        assert!(!populate_step(4096), "what is not mapped is refused");
        assert_eq!(populate(4096, 4096 + STEP_BYTES), 4096, "and how far it came is told");
    }
}
