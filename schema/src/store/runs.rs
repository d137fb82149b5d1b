//! Views that are not stored: their groups are runs of a history's clustering, and are computed when they are
//! read. Knows nothing of chunks.

use super::{
    key,
    values::PassingValues,
    view_plan::ViewPlan,
    view_row::{Extremes, count, count_values},
};
use crate::row::{RowBuf, RowRef};

/// The groups of one key, whose rows come newest first; so do the groups.
pub(crate) struct Runs<'p, I> {
    plan: &'p ViewPlan,
    rows: I,
    /// The group whose rows are being counted, and its key.
    present: Option<(RowBuf, Vec<u8>, PassingValues)>,
}

impl<'p, 'a, I: Iterator<Item = RowRef<'a>>> Runs<'p, I> {
    pub(crate) fn new(plan: &'p ViewPlan, rows: I) -> Runs<'p, I> {
        Runs { plan, rows, present: None }
    }
}

impl<'a, I: Iterator<Item = RowRef<'a>>> Iterator for Runs<'_, I> {
    type Item = RowBuf;

    fn next(&mut self) -> Option<RowBuf> {
        let plan = self.plan;
        let finish = |(mut image, ..): (RowBuf, Vec<u8>, PassingValues)| {
            image.fixed.truncate(plan.visible_width);
            image
        };
        loop {
            let Some(row) = self.rows.by_ref().find(|row| plan.admits(*row)) else {
                return self.present.take().map(finish);
            };
            let mut image = RowBuf::default();
            plan.begin(row, &mut image);
            let group = key::of_row(image.as_ref(), &plan.key);
            let done = match &self.present {
                Some((_, present, _)) if *present == group => None,
                _ => self.present.replace((image, group, PassingValues::default())),
            };
            let (image, _, values) = self.present.as_mut().expect("a group is being counted");
            count(plan, image, row, false, false).expect("a view whose sums may overflow is stored");
            count_values(plan, image, row, false, Extremes::Exact, values);
            if let Some(done) = done {
                return Some(finish(done));
            }
        }
    }
}
