//! Whether a store, or a frozen view of one, is what the model is.

use std::ops::Bound;

use rand::{Rng, rngs::SmallRng};
use tollgate_schema::{
    catalog::{TableId, TableKind},
    record,
    row::{RowBuf, RowRef},
    store::{Frozen, RowCow, Store},
};

use crate::model::{Model, Rows, columns, key};

fn sorted(rows: impl Iterator<Item = RowBuf>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows: Vec<_> = rows.map(|row| (row.fixed, row.tail)).collect();
    rows.sort();
    rows
}

fn bufs<'a>(rows: impl Iterator<Item = RowRef<'a>>) -> Vec<RowBuf> {
    rows.map(|row| row.to_buf()).collect()
}

/// Rows of tables, streams and views.
fn check_scan<'a>(model: &Model, table: TableId, rows: impl Iterator<Item = RowCow<'a>>) {
    let def = model.def(table);
    match &def.kind {
        TableKind::Table(_) => {
            let found = sorted(rows.map(|row| row.row().to_buf()));
            assert_eq!(found, sorted(model.rows(table).iter().cloned()), "{}", def.name);
        }
        TableKind::Stream { .. } => {
            let of = &model.tables[usize::from(table)];
            let expected = of.appended[of.first_offset as usize..].iter().map(|(_, row)| row.clone());
            assert!(rows.map(|row| row.row().to_buf()).eq(expected), "{}", def.name);
        }
        TableKind::View(_) => {
            let found = rows.map(|row| record::decode_row(def, row.row())).map(|row| format!("{row:?}"));
            let mut found: Vec<String> = found.collect();
            found.sort();
            let expected = model.view_rows(table).expect("no sum overflows").into_iter();
            // Zeros are one value; which of the two a view shows is of no account.
            let mut expected: Vec<String> = expected.map(|row| format!("{row:?}")).collect();
            expected.sort();
            let plain = |rows: Vec<String>| rows.join("\n").replace("Float(-0.0)", "Float(0.0)");
            assert_eq!(plain(found), plain(expected), "{}", def.name);
        }
    }
}

pub(crate) fn check_frozen(model: &Model, frozen: &Frozen) {
    for table in 0..model.catalog.tables.len() as TableId {
        check_scan(model, table, frozen.scan(table));
        if model.def(table).is_stream() {
            let of = &model.tables[usize::from(table)];
            assert_eq!(frozen.stream_bounds(table), (of.first_offset, of.appended.len() as u64));
            let rows = frozen.stream_read(table, 0, usize::MAX);
            let expected = of.appended.iter().enumerate().skip(of.first_offset as usize);
            let expected = expected.map(|(offset, (at, row))| (offset as u64, *at, row.as_ref()));
            assert!(rows.eq(expected));
        }
    }
}

pub(crate) fn check_store(model: &Model, store: &Store, random: &mut SmallRng) {
    for table in 0..model.catalog.tables.len() as TableId {
        check_scan(model, table, store.scan(table));
        match &model.def(table).kind {
            TableKind::Table(_) => check_table(model, store, table, random),
            TableKind::Stream { .. } => check_stream(model, store, table, random),
            TableKind::View(_) => check_view(model, store, table),
        }
    }
}

fn check_table(model: &Model, store: &Store, table: TableId, random: &mut SmallRng) {
    let def = model.def(table);
    assert_eq!(store.count(table), model.rows(table).len() as u64);
    if let Some(primary) = &def.primary_key {
        for row in model.rows(table) {
            let id = store.find(table, &key(def, &primary.columns, row)).expect("the row is found");
            assert_eq!(store.row(table, id), row.as_ref());
        }
    }
    if model.history(table).is_some() {
        check_history(model, store, table, random);
    }
    let indexes = def.indexes.iter().map(|index| &index.columns);
    for (index, of) in indexes.chain(def.uniques.iter().map(|k| &k.columns)).enumerate() {
        check_index(model, store, table, index, of, random);
    }
}

fn check_history(model: &Model, store: &Store, table: TableId, random: &mut SmallRng) {
    let (_, time) = model.history(table).expect("a history");
    let def = model.def(table);
    for (key_bytes, rows) in model.histories(table) {
        let history = store.history_bytes(table, &key_bytes);
        assert_eq!(history.len(), rows.len());
        assert!(history.eq(rows.iter().rev().map(RowBuf::as_ref)));
        let until = random.random_range(-2_100_000..13_000_000i64);
        let early = rows
            .iter()
            .rev()
            .filter(|row| key(def, &[time], row) <= (until ^ i64::MIN).to_be_bytes().to_vec());
        let early: Vec<_> = early.collect();
        let found = store.history_bytes(table, &key_bytes).up_to(until);
        assert_eq!(found.len(), early.len());
        assert!(found.eq(early.into_iter().map(RowBuf::as_ref)));
    }
}

fn check_index(
    model: &Model,
    store: &Store,
    table: TableId,
    index: usize,
    of: &[usize],
    random: &mut SmallRng,
) {
    let def = model.def(table);
    let key_of = |row: &RowBuf| key(def, of, row);
    let mut rows: Vec<(Vec<u8>, &RowBuf)> = model.rows(table).iter().map(|row| (key_of(row), row)).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    // Prefixes of whole columns, as callers have them.
    let mut bound = || -> Bound<Vec<u8>> {
        let row = crate::generate::row(&model.catalog, table, random);
        let count = random.random_range(1..=of.len());
        let prefix = key(def, &of[..count], &row);
        match random.random_range(0..5) {
            0 => Bound::Unbounded,
            1 | 2 => Bound::Included(prefix),
            _ => Bound::Excluded(prefix),
        }
    };
    for round in 0..4 {
        let from = bound();
        let to = if round == 0 && from != Bound::Unbounded { from.clone() } else { bound() };
        let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
        let found = bufs(store.index_range(table, index, from, to));
        let is_within = |key: &Vec<u8>| {
            let above = match from {
                Bound::Unbounded => true,
                Bound::Included(from) => key.as_slice() >= from,
                Bound::Excluded(from) => key.as_slice() > from && !key.starts_with(from),
            };
            above
                && match to {
                    Bound::Unbounded => true,
                    Bound::Included(to) => key.as_slice() <= to || key.starts_with(to),
                    Bound::Excluded(to) => key.as_slice() < to,
                }
        };
        let expected: Vec<_> = rows.iter().filter(|(key, _)| is_within(key)).collect();
        assert!(
            found.iter().map(key_of).eq(expected.iter().map(|(key, _)| key.clone())),
            "{} {index}",
            def.name
        );
        assert_eq!(sorted(found.into_iter()), sorted(expected.into_iter().map(|(_, row)| (*row).clone())));
    }
}

fn check_stream(model: &Model, store: &Store, table: TableId, random: &mut SmallRng) {
    let of = &model.tables[usize::from(table)];
    let end = of.appended.len() as u64;
    assert_eq!(store.stream_bounds(table), (of.first_offset, end));
    let from = random.random_range(0..=end + 2);
    let expected = of.appended.iter().enumerate().skip(from.max(of.first_offset) as usize).take(10);
    let expected = expected.map(|(offset, (at, row))| (offset as u64, *at, row.as_ref()));
    assert!(store.stream_read(table, from, 10).eq(expected));
    check_slice(of, store, table, random);
}

/// Rows of a slice are the stream's, as many as the bytes say but one at least, and none that it may not
/// have.
fn check_slice(of: &Rows, store: &Store, table: TableId, random: &mut SmallRng) {
    let end = of.appended.len() as u64;
    let (from, before) = (random.random_range(0..=end + 2), random.random_range(0..=end + 2));
    let bytes = random.random_range(0..6000);
    let slice = store.stream_slice(table, from, before, bytes);
    let before = before.clamp(of.first_offset, end);
    assert_eq!(slice.bounds(), (of.first_offset, before));
    let first = from.max(of.first_offset).min(end);
    let all = of.appended.iter().enumerate().take(before as usize).skip(first as usize);
    let expected: Vec<_> = all.map(|(offset, (at, row))| (offset as u64, *at, row.as_ref())).collect();
    let rows: Vec<_> = slice.rows().collect();
    assert_eq!(rows, expected[..rows.len()]);
    let image = |row: &RowRef<'_>| 8 + row.fixed.len() + row.tail.len();
    let taken: usize = rows.iter().map(|(_, _, row)| image(row)).sum();
    let is_all = rows.len() == expected.len();
    assert!(is_all || (!rows.is_empty() && taken >= bytes), "{taken} bytes instead of {bytes}");
    let without_last = taken - rows.last().map_or(0, |(_, _, row)| image(row));
    assert!(
        rows.len() <= 1 || without_last < bytes,
        "{without_last} bytes would have been enough for {bytes}"
    );
}

fn check_view(model: &Model, store: &Store, table: TableId) {
    let def = model.def(table);
    let TableKind::View(view) = &def.kind else { panic!("a view") };
    let groups: Vec<usize> = (0..view.groups.len()).collect();
    assert!(columns(def, &groups).len() == groups.len());
    for row in store.scan(table) {
        let row = row.row().to_buf();
        let found = store.view_find(table, &key(def, &groups, &row)).expect("the group is found");
        assert_eq!(found.row(), row.as_ref());
    }
}
