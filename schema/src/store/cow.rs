//! Copy-on-write pages: a numbered set of pages whose frozen copy costs one pointer for 256 of them.
//! Knows nothing of what is on a page. The one place of the store with `unsafe` code, but for prefetching.
//!
//! Pages hang from directories of 256. A frozen copy clones the pointers to the directories; whoever writes
//! to a directory or a page that is reachable from another copy clones it first. To ask the reference count
//! about that would touch the page's first line with a locked instruction at each write, so each pointer
//! remembers the *epoch* in which it was last found to be the only one; freezing, or sharing a page, begins a
//! new epoch.

use std::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const DIRECTORY_PAGES: usize = 256;

/// What an allocation of `total` bytes, a power of two, leaves for a page's contents beside its reference
/// counts. Allocators round up what is larger than 4 KiB and not a little smaller than a power of two.
pub(crate) const fn page_bytes(total: usize) -> usize {
    total - 2 * size_of::<usize>() - if total > 4096 { 8 } else { 0 }
}

/// Pages of `P`, numbered from 0; a number may be empty.
#[derive(Debug)]
pub(crate) struct CowPages<P> {
    directories: Vec<Pointer<Directory<P>>>,
    /// Directories that were dropped from the front.
    dropped: usize,
    /// Never 0. Atomic so that a frozen copy may be read on several threads; only [`CowPages::freeze`] and
    /// [`CowPages::share`] change it.
    epoch: AtomicU64,
}

#[derive(Debug)]
struct Directory<P> {
    pages: [Option<Pointer<P>>; DIRECTORY_PAGES],
}

/// A pointer to something perhaps shared with frozen copies.
#[derive(Debug)]
struct Pointer<T> {
    target: Arc<Shared<T>>,
    /// The epoch in which `target` was found to be, or made, the only pointer; 0 for none.
    owned_in: u64,
}

#[derive(Debug)]
struct Shared<T>(UnsafeCell<T>);

#[allow(unsafe_code, reason = "pages are read on other threads while this one writes to its own")]
// SAFETY: `Shared` hands out `&T` to whoever holds a pointer and `&mut T` to a pointer that is the only one
// (see `Pointer::write`), which is what `Arc<T>` with `Arc::get_mut` allows for the same bounds.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Pointer<T> {
    fn new(value: T, epoch: u64) -> Pointer<T> {
        Pointer { target: Arc::new(Shared(UnsafeCell::new(value))), owned_in: epoch }
    }

    #[inline]
    fn read(&self) -> &T {
        #[allow(unsafe_code, reason = "the cell is behind a reference count")]
        // SAFETY: a `&mut T` exists only while `write` borrows, mutably, the only pointer to the target; this
        // one is another pointer, or borrowed here.
        unsafe {
            &*self.target.0.get()
        }
    }
}

impl<T: Clone> Pointer<T> {
    /// The target, to be changed. `epoch` is the current one of the pages this pointer belongs to.
    #[inline]
    fn write(&mut self, epoch: u64) -> &mut T {
        if self.owned_in != epoch {
            self.own(epoch);
        }
        #[allow(unsafe_code, reason = "asking the reference count at each write is what epochs avoid")]
        // SAFETY: `owned_in == epoch` means that `own` or `new` saw the target with no other pointer in this
        // epoch. Since then no pointer to it was added: `Pointer` is cloned (`Directory::clone`) only by
        // `own`, on a directory that was not written to in this epoch, so that none of its pages is owned in
        // it; and a directory is cloned only by `CowPages::freeze`, a page by itself only by
        // `CowPages::share`, and both begin a new epoch. So this is the only pointer to the target, and it is
        // borrowed mutably.
        unsafe {
            &mut *self.target.0.get()
        }
    }

    #[cold]
    #[inline(never)]
    fn own(&mut self, epoch: u64) {
        if Arc::get_mut(&mut self.target).is_none() {
            self.target = Arc::new(Shared(UnsafeCell::new(self.read().clone())));
        }
        self.owned_in = epoch;
    }
}

impl<P> Clone for Directory<P> {
    fn clone(&self) -> Directory<P> {
        Directory { pages: std::array::from_fn(|i| self.pages[i].as_ref().map(Pointer::share)) }
    }
}

impl<T> Pointer<T> {
    /// One more pointer to the target, owned in no epoch. The caller sees to it that this one isn't either.
    fn share(&self) -> Pointer<T> {
        Pointer { target: self.target.clone(), owned_in: 0 }
    }
}

/// A page that keeps its contents while the pages it comes from change.
#[derive(Debug)]
pub(crate) struct Page<P>(Pointer<P>);

impl<P> std::ops::Deref for Page<P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.0.read()
    }
}

impl<P> Default for CowPages<P> {
    fn default() -> CowPages<P> {
        CowPages { directories: Vec::new(), dropped: 0, epoch: AtomicU64::new(1) }
    }
}

impl<P> CowPages<P> {
    /// A copy that keeps its contents while this one changes (and the other way round).
    pub(crate) fn freeze(&self) -> CowPages<P> {
        self.epoch.fetch_add(1, Ordering::Relaxed);
        let directories = self.directories.iter().map(Pointer::share).collect();
        CowPages { directories, dropped: self.dropped, epoch: AtomicU64::new(1) }
    }

    /// A copy of a page that is there; costs one pointer.
    pub(crate) fn share(&self, number: u32) -> Page<P> {
        self.epoch.fetch_add(1, Ordering::Relaxed);
        let directory = self.directories[self.directory(number)].read();
        let page = directory.pages[number as usize % DIRECTORY_PAGES].as_ref();
        Page(page.expect("the page is there").share())
    }

    /// A page that is there.
    #[inline]
    pub(crate) fn page(&self, number: u32) -> &P {
        self.get(number).expect("the page is there")
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&P> {
        let directory = self.directories.get(self.directory(number))?;
        directory.read().pages[number as usize % DIRECTORY_PAGES].as_ref().map(Pointer::read)
    }

    /// Where the directory of a number is; beyond all when it was dropped.
    #[inline]
    fn directory(&self, number: u32) -> usize {
        (number as usize / DIRECTORY_PAGES).wrapping_sub(self.dropped)
    }

    /// Numbers that may have a page.
    fn numbers(&self) -> std::ops::Range<u32> {
        let start = self.dropped * DIRECTORY_PAGES;
        start as u32..(start + self.directories.len() * DIRECTORY_PAGES) as u32
    }

    /// The pages that are there, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &P)> {
        self.iter_from(0)
    }

    /// The pages that are there from that number on, with their numbers.
    pub(crate) fn iter_from(&self, number: u32) -> impl Iterator<Item = (u32, &P)> {
        let numbers = self.numbers();
        let numbers = numbers.start.max(number)..numbers.end;
        numbers.filter_map(|number| Some((number, self.get(number)?)))
    }

    /// Bytes allocated for directories and pages, when a page owns nothing else.
    pub(crate) fn allocated_bytes(&self) -> u64 {
        let counts = 2 * size_of::<usize>();
        let page = size_of::<P>() + counts;
        let directory = size_of::<Directory<P>>() + counts;
        (self.directories.len() * directory + self.iter().count() * page) as u64
    }
}

impl<P: Clone> CowPages<P> {
    /// A page that is there, to be changed.
    #[inline]
    pub(crate) fn page_mut(&mut self, number: u32) -> &mut P {
        let epoch = *self.epoch.get_mut();
        let at = self.directory(number);
        let directory = self.directories[at].write(epoch);
        directory.pages[number as usize % DIRECTORY_PAGES].as_mut().expect("the page is there").write(epoch)
    }

    /// Puts a page there, in place of any other.
    pub(crate) fn set(&mut self, number: u32, page: P) {
        let epoch = *self.epoch.get_mut();
        let at = self.directory(number);
        assert!(at < 1 << 32, "page {number} was dropped");
        while self.directories.len() <= at {
            self.directories
                .push(Pointer::new(Directory { pages: [const { None }; DIRECTORY_PAGES] }, epoch));
        }
        let directory = self.directories[at].write(epoch);
        directory.pages[number as usize % DIRECTORY_PAGES] = Some(Pointer::new(page, epoch));
    }

    /// Empties that number.
    pub(crate) fn clear(&mut self, number: u32) {
        let epoch = *self.epoch.get_mut();
        let at = self.directory(number);
        if let Some(directory) = self.directories.get_mut(at) {
            directory.write(epoch).pages[number as usize % DIRECTORY_PAGES] = None;
        }
    }

    /// Says that no page below that number will ever be set, as long as none is.
    pub(crate) fn start_at(&mut self, number: u32) {
        assert!(self.directories.is_empty(), "pages are there");
        self.dropped = number as usize / DIRECTORY_PAGES;
    }

    /// Drops the directories whose numbers are all below that one.
    pub(crate) fn drop_front(&mut self, number: u32) {
        let count =
            (number as usize / DIRECTORY_PAGES).saturating_sub(self.dropped).min(self.directories.len());
        self.directories.drain(..count);
        self.dropped += count;
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use super::*;

    #[test]
    fn a_page_with_its_counts_is_four_kibibytes() {
        assert_eq!(size_of::<Shared<[u8; page_bytes(4096)]>>() + 2 * size_of::<usize>(), 4096);
        assert_eq!(size_of::<Option<Pointer<u8>>>(), 16);
    }

    #[test]
    fn frozen_copies_keep_what_they_saw() {
        let mut random = SmallRng::seed_from_u64(7);
        let mut pages = CowPages::<[u32; 4]>::default();
        let mut model = vec![None; 1000];
        let (mut copies, mut shared) = (Vec::new(), Vec::new());
        // Miri, which checks the unsafe code, takes a thousand times as long.
        let (steps, numbers) = if cfg!(miri) { (1500, 40) } else { (40_000, 1000) };
        for step in 0..steps {
            let number = random.random_range(0..numbers);
            match random.random_range(0..100) {
                0 => pages.set(number, [step; 4]),
                1 if pages.get(number).is_some() => pages.clear(number),
                2 if step % 10 == 0 => copies.push((pages.freeze(), model.clone())),
                3 if copies.len() > 5 => {
                    copies.swap_remove(random.random_range(0..copies.len()));
                }
                4 if !copies.is_empty() && step % 20 == 0 => {
                    // A copy of a copy, and a change to a copy: as independent.
                    let at = random.random_range(0..copies.len());
                    let (mut copy, mut seen) = (copies[at].0.freeze(), copies[at].1.clone());
                    copy.set(number, [step; 4]);
                    seen[number as usize] = Some([step; 4]);
                    copies.push((copy, seen));
                    continue;
                }
                5 if pages.get(number).is_some() => shared.push((pages.share(number), *pages.page(number))),
                6 if shared.len() > 20 => {
                    shared.swap_remove(random.random_range(0..shared.len()));
                }
                _ if pages.get(number).is_some() => pages.page_mut(number)[(step % 4) as usize] = step,
                _ => continue,
            }
            model[number as usize] = pages.get(number).copied();
        }
        assert!(!copies.is_empty() && !shared.is_empty());
        shared.iter().for_each(|(page, seen)| assert_eq!(**page, *seen));
        copies.push((pages, model));
        for (copy, model) in &copies {
            for number in 0..1000u32 {
                assert_eq!(copy.get(number), model[number as usize].as_ref());
            }
        }
    }

    #[test]
    fn other_threads_read_a_copy_while_pages_change() {
        let mut pages = CowPages::<[u64; 8]>::default();
        let count = if cfg!(miri) { 20 } else { 600 };
        (0..count).for_each(|number| pages.set(number, [u64::from(number); 8]));
        std::thread::scope(|scope| {
            for round in 0..4u64 {
                let copy = pages.freeze();
                scope.spawn(move || {
                    for (number, page) in copy.iter() {
                        assert_eq!(page, &[u64::from(number) + round; 8]);
                    }
                });
                (0..count).for_each(|number| pages.page_mut(number).iter_mut().for_each(|word| *word += 1));
            }
        });
    }
}
