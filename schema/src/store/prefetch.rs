//! Asking the processor for memory before it is needed. Never changes what a program does.

use super::{RowId, Store, table::Body, view::View};
use crate::catalog::TableId;

/// A group of a stored view that is about to be counted.
#[derive(Clone, Copy, Debug)]
pub struct GroupAhead {
    view: TableId,
    tag: u32,
}

/// Lines of a row's strings that are asked for.
const STRING_LINES_MAX: usize = 4;

impl Store {
    /// Asks for the strings of a row whose fixed part is here.
    #[inline]
    pub fn prefetch_strings(&self, table: TableId, row: RowId) {
        prefetch_bytes(self.row(table, row).tail);
    }

    /// Asks for what looking up that group, in the encoding of [`super::key`], looks at first. `None` when
    /// the view's rows are not stored.
    #[inline]
    pub fn prefetch_group(&self, view: TableId, group: &[u8]) -> Option<GroupAhead> {
        let tag = self.stored_view(view)?.prefetch(group);
        Some(GroupAhead { view, tag })
    }

    /// Asks for the group's row: some time after [`Store::prefetch_group`].
    #[inline]
    pub fn prefetch_group_row(&self, group: GroupAhead) {
        self.stored_view(group.view).iter().for_each(|view| view.prefetch_row(group.tag));
    }

    /// Asks for the strings of the group's row: some time after [`Store::prefetch_group_row`].
    #[inline]
    pub fn prefetch_group_strings(&self, group: GroupAhead) {
        self.stored_view(group.view).iter().for_each(|view| view.prefetch_strings(group.tag));
    }

    fn stored_view(&self, view: TableId) -> Option<&View> {
        matches!(self.table(view).body, Body::View).then(|| self.view(view))
    }
}

/// Asks for the beginning of these bytes.
#[inline]
pub(crate) fn prefetch_bytes(bytes: &[u8]) {
    const LINE: usize = 64;
    bytes.chunks(LINE).take(STRING_LINES_MAX).for_each(|line| prefetch_line(line.as_ptr()));
    // They may begin in the middle of a line and end on one more.
    bytes.last().into_iter().for_each(|last| prefetch_line(&raw const *last));
}

/// Asks for the cache line at that address.
#[inline]
pub(crate) fn prefetch_line<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code, reason = "the intrinsic takes any address")]
        // SAFETY: a prefetch reads nothing the program sees and does not fault, whatever the address; every
        // x86_64 has it.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
