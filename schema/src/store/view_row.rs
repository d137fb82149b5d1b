//! Counting a source's row into a stored row of a view, or taking it back. Knows nothing of where views' rows
//! are.

use super::{
    exact_sum::{self, Overflow},
    key::{self, KeyColumn},
    values::{COUNT_MAX, Values},
    view_plan::{AggregateKind, AggregatePlan, COUNT_BYTES, ViewPlan, is_null},
};
use crate::row::{RowBuf, RowRef, Slot};

/// How MIN and MAX are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extremes {
    /// By multisets, so that rows can be taken back.
    Exact,
    /// By the present extreme alone: who takes rows back puts the old row of the view back too.
    Present,
}

/// Counts a row in or out: the counts and the sums. On an overflow the image is of no use, unless overflows
/// are let pass (`lax`): then the sum itself is right and what readers see of it is not. Says how many rows
/// are counted.
pub(crate) fn count(
    plan: &ViewPlan,
    image: &mut RowBuf,
    row: RowRef<'_>,
    take_back: bool,
    lax: bool,
) -> Result<u64, Overflow> {
    for aggregate in &plan.aggregates {
        if aggregate.column.is_some_and(|column| is_null(row, column)) {
            continue;
        }
        match aggregate.kind {
            AggregateKind::Count => {
                step(target(aggregate, image), take_back);
            }
            AggregateKind::Sum { state } => {
                let result = sum(aggregate, state, image, row, take_back);
                if !lax {
                    result?;
                }
            }
            AggregateKind::CountDistinct | AggregateKind::Min | AggregateKind::Max => {}
        }
    }
    Ok(step(&mut image.fixed[plan.visible_width..][..COUNT_BYTES], take_back))
}

/// Adds one to a count or takes one away, and says what it is then.
fn step(count: &mut [u8], take_back: bool) -> u64 {
    let old = u64::from_le_bytes((&*count).try_into().expect("eight bytes"));
    let new = if take_back { old - 1 } else { old + 1 };
    count.copy_from_slice(&new.to_le_bytes());
    new
}

/// The aggregate's value in the view's row.
fn target<'a>(aggregate: &AggregatePlan, image: &'a mut RowBuf) -> &'a mut [u8] {
    let Slot::Fixed { offset } = aggregate.target.slot else { unreachable!("counts and sums are fixed") };
    let width = aggregate.target.width().expect("a fixed slot has a fixed type");
    &mut image.fixed[offset as usize..][..width]
}

fn sum(
    aggregate: &AggregatePlan,
    state: usize,
    image: &mut RowBuf,
    row: RowRef<'_>,
    take_back: bool,
) -> Result<(), Overflow> {
    let column = aggregate.column.expect("a sum has a column");
    let Slot::Fixed { offset } = column.slot else { unreachable!("only numbers are summed up") };
    let bytes = exact_sum::sum_bytes(column.column_type);
    let terms = step(&mut image.fixed[state..][..COUNT_BYTES], take_back);
    let sum = &mut image.fixed[state + COUNT_BYTES..][..bytes];
    exact_sum::add(sum, column.column_type, &row.fixed[offset as usize..], take_back)?;
    if terms == 0 {
        write_value(image, aggregate.target, None);
        return Ok(());
    }
    show_sum(aggregate, state, image)
}

/// Writes a sum where readers see it.
fn show_sum(aggregate: &AggregatePlan, state: usize, image: &mut RowBuf) -> Result<(), Overflow> {
    let column_type = aggregate.column.expect("a sum has a column").column_type;
    let mut shown = [0; 16];
    let shown = &mut shown[..aggregate.target.width().expect("sums are fixed")];
    exact_sum::read(
        &image.fixed[state + COUNT_BYTES..][..exact_sum::sum_bytes(column_type)],
        column_type,
        shown,
    )?;
    target(aggregate, image).copy_from_slice(shown);
    Ok(())
}

/// Whether every sum of a stored row can be shown, and is what is shown.
pub(crate) fn sums_are_shown(plan: &ViewPlan, row: RowRef<'_>) -> bool {
    let mut image = row.to_buf();
    plan.aggregates.iter().all(|aggregate| match aggregate.kind {
        AggregateKind::Sum { state } if image.fixed[state..][..COUNT_BYTES] != [0; COUNT_BYTES] => {
            show_sum(aggregate, state, &mut image).is_ok() && image.fixed == row.fixed
        }
        AggregateKind::Sum { .. } => is_null(row, aggregate.target),
        _ => true,
    })
}

/// Whether the counts of a stored row can be counted on.
pub(crate) fn counts_are_sane(plan: &ViewPlan, row: RowRef<'_>) -> bool {
    let is_sane = |at: usize| {
        let count = row.fixed[at..][..COUNT_BYTES].try_into().expect("eight bytes");
        u64::from_le_bytes(count) <= COUNT_MAX
    };
    let of_aggregate = |aggregate: &AggregatePlan| match (aggregate.kind, aggregate.target.slot) {
        (AggregateKind::Count | AggregateKind::CountDistinct, Slot::Fixed { offset }) => {
            is_sane(offset as usize)
        }
        (AggregateKind::Sum { state }, _) => is_sane(state),
        _ => true,
    };
    is_sane(plan.visible_width) && plan.aggregates.iter().all(of_aggregate)
}

/// Counts a row's values in or out of MIN, MAX and COUNT(DISTINCT).
pub(crate) fn count_values(
    plan: &ViewPlan,
    image: &mut RowBuf,
    row: RowRef<'_>,
    take_back: bool,
    extremes: Extremes,
    values: &mut dyn Values,
) {
    let mut key = Vec::new();
    for (position, aggregate) in plan.aggregates.iter().enumerate() {
        let Some(column) = aggregate.column.filter(|column| !is_null(row, *column)) else { continue };
        match (aggregate.kind, extremes) {
            (AggregateKind::Count | AggregateKind::Sum { .. }, _) => {}
            (AggregateKind::Min | AggregateKind::Max, Extremes::Present) => {
                if !take_back {
                    take_extreme(aggregate, column, image, row);
                }
            }
            (kind, _) => {
                let prefix = values_prefix(plan, image, position, &mut key);
                key::push_column(row, column, &mut key);
                let changed = values.change(&key, take_back);
                match kind {
                    AggregateKind::CountDistinct if changed => {
                        step(target(aggregate, image), take_back);
                    }
                    AggregateKind::CountDistinct => {}
                    AggregateKind::Min => {
                        write_value(
                            image,
                            aggregate.target,
                            values.first(&key[..prefix]).map(|k| &k[prefix..]),
                        );
                    }
                    _ => write_value(
                        image,
                        aggregate.target,
                        values.last(&key[..prefix]).map(|k| &k[prefix..]),
                    ),
                }
            }
        }
    }
}

/// Makes `key` the prefix of an aggregate's values in the image's group: the group, then the aggregate's
/// number. Says its length.
fn values_prefix(plan: &ViewPlan, image: &RowBuf, aggregate: usize, key: &mut Vec<u8>) -> usize {
    key.clear();
    for column in &plan.key {
        key::push_column(image.as_ref(), *column, key);
    }
    // Below 255 in the last byte, as `Values::last` wants it.
    let number = (aggregate as u16) << 1;
    key.extend_from_slice(&number.to_be_bytes());
    key.len()
}

/// Writes the row's value if it is beyond the present one.
fn take_extreme(aggregate: &AggregatePlan, column: KeyColumn, image: &mut RowBuf, row: RowRef<'_>) {
    let new = key::of_row(row, &[column]);
    if !is_null(image.as_ref(), aggregate.target) {
        let present = key::of_row(image.as_ref(), &[aggregate.target]);
        let is_beyond = if aggregate.kind == AggregateKind::Min { new < present } else { new > present };
        if !is_beyond {
            return;
        }
    }
    write_value(image, aggregate.target, Some(&new));
}

/// Writes the value with that encoding, or NULL, into a column of the image.
fn write_value(image: &mut RowBuf, column: KeyColumn, encoded: Option<&[u8]>) {
    let value = encoded.map(|encoded| key::decode(&[column], encoded));
    match column.slot {
        Slot::Fixed { offset } => {
            let null;
            let value = match &value {
                Some(value) => &value.fixed,
                None => {
                    null = super::view_plan::null(column.column_type).fixed;
                    &null
                }
            };
            image.fixed[offset as usize..][..value.len()].copy_from_slice(value);
        }
        Slot::Tail { ordinal } => {
            let old = std::mem::take(&mut image.tail);
            let old = RowBuf { fixed: Vec::new(), tail: old };
            let count = tail_values(&old.tail);
            for n in 0..count {
                match (n == ordinal as usize, &value) {
                    (false, _) => image.push_tail(old.as_ref().tail_value(n)),
                    (true, Some(value)) => image.push_tail(value.as_ref().tail_value(0)),
                    (true, None) => image.push_tail(None),
                }
            }
        }
    }
}

/// How many values a well-formed tail has.
fn tail_values(mut tail: &[u8]) -> usize {
    let mut count = 0;
    while let Some((length, rest)) = tail.split_first_chunk() {
        let length = u32::from_le_bytes(*length);
        tail = if length == crate::row::TAIL_NULL { rest } else { &rest[length as usize..] };
        count += 1;
    }
    count
}
