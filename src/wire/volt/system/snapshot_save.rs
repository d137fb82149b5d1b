//! `@SnapshotSave`: a row for each node, or for each table where a snapshot has files of tables; here all
//! tables are in one, so the row names none.

use super::tables::{INTEGER, ResultTables, STRING};

/// A snapshot of every partition of one node, as it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Why it failed.
    pub error: Option<String>,
}

pub fn answer(host: i32, hostname: &str, saved: &Saved) -> ResultTables {
    let columns = [
        ("HOST_ID", INTEGER),
        ("HOSTNAME", STRING),
        ("TABLE", STRING),
        ("RESULT", STRING),
        ("ERR_MSG", STRING),
    ];
    ResultTables::new().with(&columns, [saved], |r, saved| {
        r.put_i32(host).put_str(hostname).put_str("");
        r.put_str(if saved.error.is_none() { "SUCCESS" } else { "FAILURE" });
        r.put_str(saved.error.as_deref().unwrap_or_default());
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::testing::*, *};

    #[test]
    fn a_snapshot_taken_and_one_that_failed() {
        let failed = Saved { error: Some("the disk is full".into()) };
        let answer = answer(0, "north", &Saved { error: None }).and(answer(0, "north", &failed));
        expect![[r#"
            HOST_ID | HOSTNAME | TABLE | RESULT | ERR_MSG
              0 | north |  | SUCCESS | 
            HOST_ID | HOSTNAME | TABLE | RESULT | ERR_MSG
              0 | north |  | FAILURE | the disk is full
        "#]]
        .assert_eq(&render(&answer));
    }
}
