//! The rows of a stream, read over HTTP, with what has to be true of every stream: in each partition, offsets
//! begin at 0 and have no gap.

use super::{Server, http};
use serde_json::{Map, Value};

const ROWS_AT_ONCE: usize = 500;

/// All rows of a stream, partition after partition, each with the values of its columns by name.
pub(crate) fn rows(server: &Server, stream: &str) -> Vec<Map<String, Value>> {
    (0..server.partitions).flat_map(|partition| partition_rows(server, stream, partition)).collect()
}

fn partition_rows(server: &Server, stream: &str, partition: u16) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    loop {
        let offset = rows.len();
        let query = format!("partition={partition}&offset={offset}&limit={ROWS_AT_ONCE}");
        let page = http::get(server.http, &format!("/api/v1/streams/{stream}?{query}")).expect("an answer");
        assert_eq!(page.status, 200, "{stream}: {}", page.body);
        let mut page = page.json();
        let Value::Array(found) = page["rows"].take() else { panic!("no rows in {page}") };
        if found.is_empty() {
            return rows;
        }
        for mut row in found {
            assert_eq!(row["offset"], rows.len(), "{stream} has no gap in partition {partition}");
            let Value::Object(values) = row["values"].take() else { panic!("no values in {row}") };
            rows.push(values);
        }
    }
}
