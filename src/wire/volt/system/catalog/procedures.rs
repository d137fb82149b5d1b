//! PROCEDURES, by whose remarks clients send each call to its partition, and PROCEDURECOLUMNS.

use tollgate_schema::codec::code;

use super::jdbc;
use crate::wire::volt::system::{
    facts::{ProcedureInfo, Routing},
    tables::{INTEGER, ResultTables, SMALLINT, STRING},
};

pub(super) fn procedures(procedures: &[ProcedureInfo]) -> ResultTables {
    let columns = [
        ("PROCEDURE_CAT", STRING),
        ("PROCEDURE_SCHEM", STRING),
        ("PROCEDURE_NAME", STRING),
        ("RESERVED1", STRING),
        ("RESERVED2", STRING),
        ("RESERVED3", STRING),
        ("REMARKS", STRING),
        ("PROCEDURE_TYPE", SMALLINT),
        ("SPECIFIC_NAME", STRING),
    ];
    ResultTables::new().with(&columns, procedures, |r, procedure| {
        r.put_null().put_null().put_str(&procedure.name).put_null().put_null().put_null();
        // 0 is JDBC's "may or may not return a result".
        r.put_str(&remarks(procedure)).put_i16(0).put_str(&procedure.name);
    })
}

/// Never NULL and always JSON: the Go client fails on anything else.
fn remarks(procedure: &ProcedureInfo) -> String {
    let partition = match procedure.routing {
        Routing::Everywhere => None,
        Routing::Directed => Some((-1, -1)),
        Routing::Partitioned { parameter } => {
            let code = procedure.params.get(parameter).map_or(-1, |p| i32::from(code::of(p.param_type)));
            Some((parameter as i64, code))
        }
    };
    let partition_text = partition.map_or(String::new(), |(parameter, code)| {
        format!("\"partitionParameter\":{parameter},\"partitionParameterType\":{code},")
    });
    format!(
        "{{\"readOnly\":{},\"singlePartition\":{},{partition_text}\"compound\":false}}",
        procedure.read_only,
        partition.is_some()
    )
}

pub(super) fn procedure_columns(procedures: &[ProcedureInfo]) -> ResultTables {
    let columns = [
        ("PROCEDURE_CAT", STRING),
        ("PROCEDURE_SCHEM", STRING),
        ("PROCEDURE_NAME", STRING),
        ("COLUMN_NAME", STRING),
        ("COLUMN_TYPE", SMALLINT),
        ("DATA_TYPE", INTEGER),
        ("TYPE_NAME", STRING),
        ("PRECISION", INTEGER),
        ("LENGTH", INTEGER),
        ("SCALE", SMALLINT),
        ("RADIX", SMALLINT),
        ("NULLABLE", SMALLINT),
        ("REMARKS", STRING),
        ("COLUMN_DEF", STRING),
        ("SQL_DATA_TYPE", INTEGER),
        ("SQL_DATETIME_SUB", INTEGER),
        ("CHAR_OCTET_LENGTH", INTEGER),
        ("ORDINAL_POSITION", INTEGER),
        ("IS_NULLABLE", STRING),
        ("SPECIFIC_NAME", STRING),
    ];
    let rows = procedures.iter().flat_map(|p| p.params.iter().enumerate().map(move |(i, q)| (p, i, q)));
    ResultTables::new().with(&columns, rows, |r, (procedure, position, param)| {
        let jdbc = jdbc::describe(param.param_type);
        let remarks = match procedure.routing {
            Routing::Partitioned { parameter } if parameter == position => Some("PARTITION_PARAMETER"),
            _ if param.array => Some("ARRAY_PARAMETER"),
            _ => None,
        };
        let length = param.param_type.fixed_width().map_or(jdbc.size, |width| width as i32);
        r.put_null().put_null().put_str(&procedure.name).put_str(&format!("param{position}"));
        // 1 is JDBC's "parameter in", and below, 2 its "nobody knows whether it may be null".
        r.put_i16(1).put_i32(jdbc.code).put_str(jdbc.name).put_i32(jdbc.size).put_i32(length);
        for number in [jdbc.scale, jdbc.radix] {
            match number {
                Some(number) => r.put_i16(number as i16),
                None => r.put_null(),
            };
        }
        r.put_i16(2).put_opt_str(remarks).put_null().put_null().put_null();
        match jdbc.octets {
            Some(octets) => r.put_i32(octets),
            None => r.put_null(),
        };
        r.put_i32(position as i32 + 1).put_str("").put_str(&procedure.name);
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use tollgate_schema::types::Type;

    use super::{super::super::testing::*, *};
    use crate::wire::volt::system::facts::ParamInfo;

    fn some() -> Vec<ProcedureInfo> {
        let param = |param_type, array| ParamInfo { name: "p".into(), param_type, array };
        let params = vec![param(Type::BigInt, false), param(Type::Varchar { max: 9, in_bytes: true }, true)];
        let procedure = |name: &str, read_only, routing, params| ProcedureInfo {
            name: name.into(),
            read_only,
            routing,
            params,
        };
        vec![
            procedure("Vote", false, Routing::Partitioned { parameter: 0 }, params),
            procedure("Count", true, Routing::Everywhere, vec![]),
            procedure("Sweep", false, Routing::Directed, vec![]),
        ]
    }

    #[test]
    fn remarks_for_clients_that_route() {
        expect![[r#"
            PROCEDURE_CAT | PROCEDURE_SCHEM | PROCEDURE_NAME | RESERVED1 | RESERVED2 | RESERVED3 | REMARKS | PROCEDURE_TYPE | SPECIFIC_NAME
              NULL | NULL | Vote | NULL | NULL | NULL | {"readOnly":false,"singlePartition":true,"partitionParameter":0,"partitionParameterType":6,"compound":false} | 0 | Vote
              NULL | NULL | Count | NULL | NULL | NULL | {"readOnly":true,"singlePartition":false,"compound":false} | 0 | Count
              NULL | NULL | Sweep | NULL | NULL | NULL | {"readOnly":false,"singlePartition":true,"partitionParameter":-1,"partitionParameterType":-1,"compound":false} | 0 | Sweep
        "#]]
        .assert_eq(&render(&procedures(&some())));
    }

    #[test]
    fn parameters() {
        expect![[r#"
            PROCEDURE_CAT | PROCEDURE_SCHEM | PROCEDURE_NAME | COLUMN_NAME | COLUMN_TYPE | DATA_TYPE | TYPE_NAME | PRECISION | LENGTH | SCALE | RADIX | NULLABLE | REMARKS | COLUMN_DEF | SQL_DATA_TYPE | SQL_DATETIME_SUB | CHAR_OCTET_LENGTH | ORDINAL_POSITION | IS_NULLABLE | SPECIFIC_NAME
              NULL | NULL | Vote | param0 | 1 | -5 | BIGINT | 63 | 8 | NULL | 2 | 2 | PARTITION_PARAMETER | NULL | NULL | NULL | NULL | 1 |  | Vote
              NULL | NULL | Vote | param1 | 1 | 12 | VARCHAR | 9 | 9 | NULL | NULL | 2 | ARRAY_PARAMETER | NULL | NULL | NULL | 9 | 2 |  | Vote
        "#]]
        .assert_eq(&render(&procedure_columns(&some())));
    }
}
