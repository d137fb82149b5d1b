//! An allocator that counts what each thread holds, so that a decoder which believes a lying length is found
//! out. It is the whole test program's; threads that nobody watches are only counted.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    io::Write as _,
};

/// A watched thread that asks for this much does not get it: the process ends, with the input on stderr.
/// Below it the watcher sees the peak afterwards.
const REFUSED_BYTES: isize = 1 << 30;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    /// What the thread is being fed, while it is watched.
    static INPUT: Cell<Option<&'static [u8]>> = const { Cell::new(None) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Notes that this thread holds `bytes` more, or fewer. A thread that is ending is not counted any more.
fn count(bytes: isize) {
    let held = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    if let Ok(held) = held {
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held)));
    }
}

/// Whether so many bytes are out of all proportion; tells the input then, without allocating.
fn is_refused(bytes: usize) -> bool {
    if bytes < REFUSED_BYTES as usize {
        return false;
    }
    let Ok(Some(input)) = INPUT.try_with(Cell::get) else { return false };
    let mut error = std::io::stderr();
    let _ = writeln!(error, "{bytes} bytes were asked for at once, by a decoder of this input:");
    for byte in input {
        let _ = write!(error, "{byte:02x}");
    }
    let _ = writeln!(error);
    true
}

// SAFETY: every call goes on to `System` with the arguments it came with, and its answer goes back unchanged,
// or null is answered, which means that there is no memory. Counting neither allocates nor unwinds: the
// thread-locals are initialised at compile time and need no destructor.
#[allow(unsafe_code, reason = "an allocator is unsafe to write")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return std::ptr::null_mut();
        }
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return std::ptr::null_mut();
        }
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if is_refused(size) {
            return std::ptr::null_mut();
        }
        // While it moves, both are held.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `work` on `input` and tells how many bytes more than before this thread held at most.
pub(super) fn peak_bytes(input: &[u8], work: impl FnOnce()) -> usize {
    struct Watched;
    impl Drop for Watched {
        fn drop(&mut self) {
            INPUT.set(None);
        }
    }
    // SAFETY: the reference is taken back, by `Watched`, before this function returns or unwinds, and so
    // while `input` lives.
    #[allow(unsafe_code, reason = "an allocator can't be given an argument")]
    INPUT.set(Some(unsafe { std::mem::transmute::<&[u8], &'static [u8]>(input) }));
    let watched = Watched;
    let before = HELD.get();
    PEAK.set(before);
    work();
    drop(watched);
    usize::try_from(PEAK.get() - before).unwrap_or(0)
}

#[test]
fn the_peak_is_what_was_held_at_once() {
    let twice = peak_bytes(&[], || {
        drop(std::hint::black_box(vec![1u8; 1000]));
        drop(std::hint::black_box(vec![1u8; 3000]));
    });
    assert_eq!(twice, 3000);
    assert_eq!(peak_bytes(&[], || ()), 0);
}
