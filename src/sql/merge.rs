//! The rows of a view that does not group by its source's partitioning column: each partition has a part of
//! each group, and the parts are put together here.

use std::collections::{BTreeMap, btree_map::Entry};

use tollgate_schema::{
    catalog::{Aggregate, Catalog, TableDef, TableId, TableKind, ViewDef},
    value::{Value, compare},
};

use super::{
    RESULT_BYTES_MAX, SqlError,
    aggregate::{Ordered, size_of_value},
    eval::{Row, arithmetic},
    expr::ArithmeticOp,
};

/// See the module.
#[derive(Debug)]
pub struct ViewMerge<'c> {
    def: &'c TableDef,
    view: &'c ViewDef,
    /// Values of the aggregates, by those of the groups.
    groups: BTreeMap<Vec<Ordered>, Vec<Value>>,
    bytes: usize,
}

impl<'c> ViewMerge<'c> {
    /// `None` if the rows of all partitions are the table's rows as they are. An error if parts of the view
    /// cannot be put together.
    pub fn new(catalog: &'c Catalog, table: TableId) -> Result<Option<ViewMerge<'c>>, SqlError> {
        let def = catalog.table(table);
        let TableKind::View(view) = &def.kind else { return Ok(None) };
        let source = catalog.table(view.source);
        let is_split = source.is_stream() || source.partition_column.is_some();
        if !is_split || def.partition_column.is_some() {
            return Ok(None);
        }
        for aggregate in &view.aggregates {
            // Keys of different partitions differ, so they may be counted apart.
            if let Aggregate::CountDistinct(column) = aggregate
                && source.partition_column != Some(*column)
            {
                return Err(SqlError::anywhere(format!(
                    "{} counts different values in each partition, which cannot be added up: let it group by the \
                     partitioning column of {}",
                    def.name, source.name
                )));
            }
        }
        Ok(Some(ViewMerge { def, view, groups: BTreeMap::new(), bytes: 0 }))
    }

    /// Takes a row of one partition's part in.
    pub fn add(&mut self, row: &dyn Row) -> Result<(), SqlError> {
        let groups = self.view.groups.len();
        let key: Vec<Ordered> = (0..groups).map(|column| Ordered(row.column(column))).collect();
        let parts = (groups..self.def.columns.len()).map(|column| row.column(column));
        match self.groups.entry(key) {
            Entry::Vacant(entry) => {
                let parts: Vec<Value> = parts.collect();
                let key_bytes: usize = entry.key().iter().map(|k| size_of_value(&k.0)).sum();
                self.bytes += key_bytes + parts.iter().map(size_of_value).sum::<usize>();
                entry.insert(parts);
            }
            Entry::Occupied(mut entry) => {
                let aggregates = self.view.aggregates.iter();
                for ((whole, part), aggregate) in entry.get_mut().iter_mut().zip(parts).zip(aggregates) {
                    *whole = together(*aggregate, std::mem::replace(whole, Value::Null), part)?;
                }
            }
        }
        if self.bytes > RESULT_BYTES_MAX {
            return Err(SqlError::anywhere(format!("the view takes more than {RESULT_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    /// The view's rows.
    pub fn into_rows(self) -> impl Iterator<Item = Vec<Value>> {
        self.groups
            .into_iter()
            .map(|(key, aggregates)| key.into_iter().map(|k| k.0).chain(aggregates).collect())
    }
}

fn together(aggregate: Aggregate, a: Value, b: Value) -> Result<Value, SqlError> {
    if a == Value::Null || b == Value::Null {
        return Ok(if a == Value::Null { b } else { a });
    }
    Ok(match aggregate {
        Aggregate::CountAll | Aggregate::Count(_) | Aggregate::CountDistinct(_) | Aggregate::Sum(_) => {
            arithmetic(ArithmeticOp::Add, &a, &b)?
        }
        Aggregate::Min(_) => {
            if compare(&a, &b).is_le() {
                a
            } else {
                b
            }
        }
        Aggregate::Max(_) => {
            if compare(&a, &b).is_ge() {
                a
            } else {
                b
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_schema::ddl;

    const DDL: &str = "CREATE TABLE taps (card INTEGER NOT NULL, station INTEGER, cents INTEGER);
        PARTITION TABLE taps ON COLUMN card;
        CREATE TABLE lines (line INTEGER NOT NULL, station INTEGER);
        CREATE VIEW by_station (station, taps, cents, least, most, cards) AS
            SELECT station, COUNT(*), SUM(cents), MIN(cents), MAX(cents), COUNT(DISTINCT card) FROM taps GROUP BY station;
        CREATE VIEW by_card (card, taps) AS SELECT card, COUNT(*) FROM taps GROUP BY card;
        CREATE VIEW stations (line, stations) AS SELECT line, COUNT(*) FROM lines GROUP BY line;
        CREATE VIEW prices (station, prices) AS SELECT station, COUNT(DISTINCT cents) FROM taps GROUP BY station;";

    #[test]
    fn parts_of_groups_are_put_together() {
        let catalog = ddl::parse(DDL).unwrap();
        let mut merge = ViewMerge::new(&catalog, catalog.find("BY_STATION").unwrap()).unwrap().unwrap();
        let row = |cells: [Option<i64>; 6]| -> Vec<Value> {
            cells.map(|cell| cell.map_or(Value::Null, Value::BigInt)).to_vec()
        };
        merge.add(&row([Some(1), Some(2), Some(500), Some(200), Some(300), Some(2)])).unwrap();
        merge.add(&row([None, Some(1), None, None, None, Some(1)])).unwrap();
        merge.add(&row([Some(1), Some(3), Some(70), Some(-1), Some(70), Some(1)])).unwrap();
        merge.add(&row([None, Some(1), Some(5), Some(5), Some(5), Some(1)])).unwrap();
        let rows: Vec<_> = merge.into_rows().collect();
        assert_eq!(
            rows,
            [
                row([None, Some(2), Some(5), Some(5), Some(5), Some(2)]),
                row([Some(1), Some(5), Some(570), Some(-1), Some(300), Some(3)]),
            ]
        );
    }

    #[test]
    fn what_lies_whole_in_a_partition_is_left_alone() {
        let catalog = ddl::parse(DDL).unwrap();
        let merge = |name| ViewMerge::new(&catalog, catalog.find(name).unwrap());
        for name in ["TAPS", "LINES", "BY_CARD", "STATIONS"] {
            assert!(merge(name).unwrap().is_none(), "{name}");
        }
        assert!(merge("PRICES").unwrap_err().message.starts_with("PRICES counts different values"));
    }
}
