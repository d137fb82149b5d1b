//! Gauges per table in the node's `/metrics`, in Prometheus' text format.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::http;

const TABLE_BYTES: &str = "tollgate_table_bytes";
const TABLE_ROWS: &str = "tollgate_table_rows";

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TableSize {
    pub(crate) rows: f64,
    /// With indexes.
    pub(crate) bytes: f64,
}

/// Rows and bytes by table name (lower case), summed over whatever other labels there are.
pub(crate) fn tables(http_address: SocketAddr) -> anyhow::Result<BTreeMap<String, TableSize>> {
    let text = http::request(http_address, "GET", "/metrics", Duration::from_secs(30))?;
    Ok(parse(&text))
}

fn parse(text: &str) -> BTreeMap<String, TableSize> {
    let mut tables: BTreeMap<String, TableSize> = BTreeMap::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let Some((labels, value)) = rest.rsplit_once('}') else { continue };
        let Ok(value) = value.split_whitespace().next().unwrap_or("").parse::<f64>() else { continue };
        // The kinds are added up here; their sum must not be added to them.
        if labels.contains("kind=\"total\"") {
            continue;
        }
        let table = labels.split(',').find_map(|label| label.trim().strip_prefix("table=\""));
        let Some(table) = table.and_then(|table| table.strip_suffix('"')) else { continue };
        let size = tables.entry(table.to_ascii_lowercase()).or_default();
        match name {
            TABLE_BYTES => size.bytes += value,
            TABLE_ROWS => size.rows += value,
            _ => {}
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_are_summed_by_table() {
        let text = "# HELP x\ntollgate_table_rows{table=\"CARDS\",partition=\"0\"} 3\n\
                    tollgate_table_rows{partition=\"1\",table=\"cards\"} 4\ntollgate_table_bytes{table=\"cards\",kind=\"rows\"} 1e3 17\n\
                    tollgate_table_bytes{table=\"cards\",kind=\"total\"} 1e3\nother 5\n";
        let tables = parse(text);
        assert_eq!(tables["cards"], TableSize { rows: 7.0, bytes: 1000.0 });
    }
}
