//! A view that is stored: its rows by group, kept up to date row by row. Knows nothing of its source's
//! storage. Every change is exactly undone by its opposite, but for MIN and MAX over a stream: see
//! [`Extremes::Present`].

use std::sync::Arc;

use super::{
    exact_sum::Overflow,
    id_table::IdTable,
    keying::Keying,
    prefetch::{prefetch_bytes, prefetch_line},
    rows::{RowPages, Rows},
    values::StoredValues,
    view_plan::{AggregateKind, ViewPlan},
    view_row::{Extremes, count, count_values, counts_are_sane, sums_are_shown},
};
use crate::row::{RowBuf, RowRef};

#[derive(Debug)]
pub(crate) struct View {
    pub(crate) plan: Arc<ViewPlan>,
    pub(crate) rows: Rows,
    ids: IdTable,
    keying: Keying,
    pub(crate) values: StoredValues,
    extremes: Extremes,
    /// Scratch.
    image: RowBuf,
    /// The encoding of a group, while it is looked for.
    scratch: Vec<u8>,
}

impl View {
    pub(crate) fn new(plan: ViewPlan, over_stream: bool) -> View {
        let plan = Arc::new(plan);
        let mut view = View {
            rows: Rows::new(plan.stored_width, plan.has_tails),
            ids: IdTable::default(),
            keying: Keying::new(plan.key.clone()),
            values: StoredValues::default(),
            extremes: if over_stream { Extremes::Present } else { Extremes::Exact },
            image: RowBuf::default(),
            scratch: Vec::new(),
            plan,
        };
        if view.plan.key.is_empty() {
            // Without groups there is one row, even of no rows.
            view.plan.begin(RowRef { fixed: &[], tail: &[] }, &mut view.image);
            let (tag, _) = view.locate_image();
            let image = std::mem::take(&mut view.image);
            view.insert(tag, image.as_ref());
        }
        view
    }

    /// Whether undoing an append needs the group's old row.
    pub(crate) fn keeps_extremes(&self) -> bool {
        let is_extreme = |kind| matches!(kind, AggregateKind::Min | AggregateKind::Max);
        self.extremes == Extremes::Present && self.plan.aggregates.iter().any(|a| is_extreme(a.kind))
    }

    /// The stored row of the source row's group, and its number.
    pub(crate) fn stored_of(&mut self, row: RowRef<'_>) -> Option<(u32, RowRef<'_>)> {
        if !self.plan.admits(row) {
            return None;
        }
        self.plan.begin(row, &mut self.image);
        let id = self.locate_image().1?;
        Some((id, self.rows.pages.row(id)))
    }

    /// Puts an old row back in the place of the present one.
    pub(crate) fn restore(&mut self, id: u32, row: RowRef<'_>) {
        self.rows.pages.fixed_mut(id).copy_from_slice(row.fixed);
        self.rows.pages.set_tail(id, row.tail);
    }

    /// The row of a group, by its encoding.
    pub(crate) fn find(&self, group: &[u8]) -> Option<RowRef<'_>> {
        let probe = self.keying.probe_encoded(group);
        let id = self.ids.find(probe.tag, |id| probe.is(|| self.rows.pages.row(id)))?;
        Some(visible(&self.plan, self.rows.pages.row(id)))
    }

    /// Asks for what looking up the group with that encoding looks at first; the group's tag.
    #[inline]
    pub(crate) fn prefetch(&self, group: &[u8]) -> u32 {
        let tag = self.keying.probe_encoded(group).tag;
        self.ids.address(tag).into_iter().for_each(prefetch_line);
        tag
    }

    /// Asks for the first row with that tag, most likely the group's.
    #[inline]
    pub(crate) fn prefetch_row(&self, tag: u32) {
        self.ids.find(tag, |_| true).into_iter().for_each(|id| self.rows.pages.prefetch(id));
    }

    /// Asks for the strings of that row.
    #[inline]
    pub(crate) fn prefetch_strings(&self, tag: u32) {
        if let Some(id) = self.ids.find(tag, |_| true) {
            prefetch_bytes(self.rows.pages.row(id).tail);
        }
    }

    /// The tag of the image's group, and the number of its row, if there is one.
    fn locate_image(&mut self) -> (u32, Option<u32>) {
        let probe = self.keying.probe_row(self.image.as_ref(), &mut self.scratch);
        (probe.tag, self.ids.find(probe.tag, |id| probe.is(|| self.rows.pages.row(id))))
    }

    /// Counts a row of the source in, or takes it back. After an overflow nothing has changed.
    pub(crate) fn change(&mut self, row: RowRef<'_>, take_back: bool) -> Result<(), Overflow> {
        self.change_as(row, take_back, false)
    }

    /// Takes a row back and counts another in. After an overflow nothing has changed. That the view shows
    /// sums in between which overflow does not count.
    pub(crate) fn replace(&mut self, old: RowRef<'_>, new: RowRef<'_>) -> Result<(), Overflow> {
        const BACK: &str = "the state before did not overflow";
        self.change_as(old, true, true).expect("overflows are let pass");
        if let Err(overflow) = self.change_as(new, false, false) {
            self.change_as(old, false, false).expect(BACK);
            return Err(overflow);
        }
        // The two may be of different groups.
        let plan = self.plan.clone();
        if self.stored_of(old).is_none_or(|(_, stored)| sums_are_shown(&plan, stored)) {
            return Ok(());
        }
        self.change_as(new, true, true).expect("overflows are let pass");
        self.change_as(old, false, false).expect(BACK);
        Err(Overflow)
    }

    /// Counts a row in while the view is computed afresh, when sums of a part of the rows may overflow.
    /// [`View::check_sums`] has to follow.
    pub(crate) fn recount(&mut self, row: RowRef<'_>) {
        // Overflowing, a sum shows anything; the group's last row shows it right.
        self.change_as(row, false, true).expect("overflows are let pass");
    }

    fn change_as(&mut self, row: RowRef<'_>, take_back: bool, lax: bool) -> Result<(), Overflow> {
        if !self.plan.admits(row) {
            return Ok(());
        }
        let mut image = std::mem::take(&mut self.image);
        self.plan.begin(row, &mut image);
        self.image = image;
        let (tag, id) = self.locate_image();
        let mut image = std::mem::take(&mut self.image);
        if let Some(id) = id {
            let stored = self.rows.pages.row(id);
            image.fixed.copy_from_slice(stored.fixed);
            image.tail.clear();
            image.tail.extend_from_slice(stored.tail);
        }
        let result = count(&self.plan, &mut image, row, take_back, lax);
        if let Ok(rows) = result {
            count_values(&self.plan, &mut image, row, take_back, self.extremes, &mut self.values);
            self.store(tag, id, image.as_ref(), rows);
        }
        self.image = image;
        result.map(drop)
    }

    fn store(&mut self, tag: u32, id: Option<u32>, image: RowRef<'_>, rows: u64) {
        match id {
            None => self.insert(tag, image),
            Some(id) if rows == 0 && !self.plan.key.is_empty() => {
                self.ids.remove(tag, id);
                self.rows.remove(id);
            }
            Some(id) => {
                self.rows.pages.fixed_mut(id).copy_from_slice(image.fixed);
                if self.rows.pages.row(id).tail != image.tail {
                    self.rows.pages.set_tail(id, image.tail);
                }
            }
        }
    }

    fn insert(&mut self, tag: u32, image: RowRef<'_>) {
        let id = self.rows.insert(image).expect("a source has no more groups than rows, and fewer numbers");
        self.ids.insert(tag, id);
    }

    /// Puts a stored row back that a snapshot has. Whether that can be: its group is not there yet, and its
    /// counts are counts.
    pub(crate) fn load(&mut self, row: RowRef<'_>) -> bool {
        if !counts_are_sane(&self.plan, row) {
            return false;
        }
        let mut scratch = Vec::new();
        let probe = self.keying.probe_row(row, &mut scratch);
        match self.ids.find(probe.tag, |id| probe.is(|| self.rows.pages.row(id))) {
            // The one row without groups is there from the beginning.
            Some(id) if self.plan.key.is_empty() => self.restore(id, row),
            Some(_) => return false,
            None => {
                let tag = probe.tag;
                self.insert(tag, row);
            }
        }
        true
    }

    /// Whether every group shows its sums as they are.
    pub(crate) fn check_sums(&self) -> bool {
        self.rows.pages.iter().all(|(_, row)| sums_are_shown(&self.plan, row))
    }

    /// Bytes of rows, of tails, and of the rest.
    pub(crate) fn allocated_bytes(&self) -> (u64, u64, u64) {
        let (rows, tails) = self.rows.allocated_bytes();
        let (counts, keys) = self.values.rows.allocated_bytes();
        (rows, tails, self.ids.allocated_bytes() + counts + keys + self.values.allocated_bytes())
    }
}

/// What readers see of a stored row.
pub(crate) fn visible<'a>(plan: &ViewPlan, stored: RowRef<'a>) -> RowRef<'a> {
    RowRef { fixed: &stored.fixed[..plan.visible_width], tail: stored.tail }
}

/// The rows that readers see.
pub(crate) fn visible_rows<'a>(plan: &'a ViewPlan, pages: &'a RowPages) -> impl Iterator<Item = RowRef<'a>> {
    pages.iter().map(|(_, stored)| visible(plan, stored))
}
