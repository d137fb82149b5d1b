//! `@GetPartitionKeys(type)`: for each partition a key that belongs to it. Clients use them to call every
//! partition.

use tollgate_schema::ring::{KeyKind, Ring};

use super::{
    SystemError, read_params,
    tables::{BINARY, INTEGER, ResultTables, STRING},
};

/// `params`: the call's parameter set.
pub fn answer(params: &[u8], ring: &Ring) -> Result<ResultTables, SystemError> {
    let params = read_params("@GetPartitionKeys", params)?;
    let [name] = params[..] else {
        return Err(SystemError::graceful("@GetPartitionKeys takes one parameter, the type of the key"));
    };
    let name = name.as_str().unwrap_or(name.type_name());
    let (kind, key_type) = match name.to_ascii_uppercase().as_str() {
        "INTEGER" => (KeyKind::Integer, INTEGER),
        "STRING" | "VARCHAR" => (KeyKind::Varchar, STRING),
        "VARBINARY" => (KeyKind::Varbinary, BINARY),
        _ => {
            return Err(SystemError::graceful(format!(
                "{name} is not a type of partitioning keys: INTEGER, STRING or VARBINARY"
            )));
        }
    };
    let columns = [("PARTITION_ID", INTEGER), ("PARTITION_KEY", key_type)];
    Ok(ResultTables::new().with(&columns, (0..).zip(ring.keys(kind)), |r, (partition, key)| {
        r.put_i32(partition);
        match kind {
            KeyKind::Integer => r.put_i32(key),
            KeyKind::Varchar => r.put_str(&key.to_string()),
            KeyKind::Varbinary => r.put_bytes(&key.to_be_bytes()),
        };
    }))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::testing::*, *};

    #[test]
    fn keys_of_each_kind() {
        let ring = Ring::new(2);
        expect![[r#"
            PARTITION_ID | PARTITION_KEY
              0 | 0
              1 | 2
        "#]]
        .assert_eq(&render(&answer(&texts(&["integer"]), &ring).unwrap()));
        assert!(answer(&texts(&["VARCHAR"]), &ring).is_ok());
        assert!(render(&answer(&texts(&["VARBINARY"]), &ring).unwrap()).contains("4 bytes"));
        assert!(answer(&texts(&["FLOAT"]), &ring).is_err());
        assert!(answer(&texts(&[]), &ring).is_err());
    }
}
