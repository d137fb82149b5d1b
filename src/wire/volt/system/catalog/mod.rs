//! `@SystemCatalog(selector)`: what is declared, in the columns of JDBC's metadata.

mod jdbc;
mod procedures;
mod tables;
mod types;

use tollgate_schema::catalog::{Catalog, TopicSource};

use super::{
    SystemError,
    facts::ProcedureInfo,
    read_params,
    tables::{Column, INTEGER, ResultTables, STRING, TINYINT},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    Tables,
    Columns,
    IndexInfo,
    PrimaryKeys,
    Procedures,
    ProcedureColumns,
    Functions,
    TypeInfo,
    Classes,
    Roles,
    Users,
    Tasks,
    Topics,
    Config,
}

const NAMES: [(&str, Selector); 14] = [
    ("TABLES", Selector::Tables),
    ("COLUMNS", Selector::Columns),
    ("INDEXINFO", Selector::IndexInfo),
    ("PRIMARYKEYS", Selector::PrimaryKeys),
    ("PROCEDURES", Selector::Procedures),
    ("PROCEDURECOLUMNS", Selector::ProcedureColumns),
    ("FUNCTIONS", Selector::Functions),
    ("TYPEINFO", Selector::TypeInfo),
    ("CLASSES", Selector::Classes),
    ("ROLES", Selector::Roles),
    ("USERS", Selector::Users),
    ("TASKS", Selector::Tasks),
    ("TOPICS", Selector::Topics),
    ("CONFIG", Selector::Config),
];

impl Selector {
    /// `params`: the call's parameter set.
    pub fn read(params: &[u8]) -> Result<Selector, SystemError> {
        let params = read_params("@SystemCatalog", params)?;
        let [name] = params[..] else {
            return Err(SystemError::graceful("@SystemCatalog takes one parameter, the selector"));
        };
        let name = name.as_str().unwrap_or(name.type_name());
        NAMES
            .into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, selector)| selector)
            .ok_or_else(|| {
                SystemError::graceful(format!(
                    "Invalid @SystemCatalog selector {name}. Known here: {}.",
                    NAMES.map(|(known, _)| known).join(", ")
                ))
            })
    }
}

/// `procedures`: what clients can call, the default procedures of tables among it, system procedures not.
/// `config`: name, value and description of each setting.
pub fn answer(
    selector: Selector,
    catalog: &Catalog,
    procedures: &[ProcedureInfo],
    config: &[(String, String, String)],
) -> ResultTables {
    match selector {
        Selector::Tables => tables::tables(catalog),
        Selector::Columns => tables::columns(catalog),
        Selector::IndexInfo => tables::index_info(catalog),
        Selector::PrimaryKeys => tables::primary_keys(catalog),
        Selector::Procedures => procedures::procedures(procedures),
        Selector::ProcedureColumns => procedures::procedure_columns(procedures),
        Selector::TypeInfo => types::type_info(),
        Selector::Topics => topics(catalog),
        Selector::Config => {
            let columns = [("CONFIG_NAME", STRING), ("CONFIG_VALUE", STRING), ("CONFIG_DESCRIPTION", STRING)];
            ResultTables::new().with(&columns, config, |r, (name, value, description)| {
                r.put_str(name).put_str(value).put_str(description);
            })
        }
        // There are no Java classes, users, roles, tasks or functions of users: tables without rows.
        Selector::Functions => nothing(&[
            ("FUNCTION_TYPE", STRING),
            ("FUNCTION_NAME", STRING),
            ("CLASS_NAME", STRING),
            ("METHOD_NAME", STRING),
        ]),
        Selector::Classes => {
            nothing(&[("CLASS_NAME", STRING), ("VOLT_PROCEDURE", TINYINT), ("ACTIVE_PROC", TINYINT)])
        }
        Selector::Roles => nothing(&[("ROLE", STRING), ("PERMISSIONS", STRING)]),
        Selector::Users => nothing(&[("USER", STRING), ("ROLES", STRING)]),
        Selector::Tasks => nothing(&[
            ("TASK_NAME", STRING),
            ("SCHEDULER_CLASS", STRING),
            ("SCHEDULER_PARAMETERS", STRING),
            ("ACTIONS_CLASS", STRING),
            ("ACTIONS_PARAMETERS", STRING),
            ("SCHEDULE_CLASS", STRING),
            ("SCHEDULE_PARAMETERS", STRING),
            ("ON_ERROR", STRING),
            ("RUN_LOCATION", STRING),
            ("USER", STRING),
            ("ENABLED", STRING),
        ]),
    }
}

fn nothing(columns: &[Column]) -> ResultTables {
    ResultTables::new().with(columns, [(); 0], |_, ()| ())
}

fn topics(catalog: &Catalog) -> ResultTables {
    let columns = [
        ("TOPIC_NAME", STRING),
        ("IS_SINGLE", INTEGER),
        ("IS_OPAQUE", INTEGER),
        ("STREAM_NAME", STRING),
        ("PROCEDURE_NAME", STRING),
    ];
    ResultTables::new().with(&columns, &catalog.topics, |r, topic| {
        let (opaque, stream, procedure) = match &topic.source {
            TopicSource::Stream(stream) => (false, Some(stream.as_str()), None),
            TopicSource::Procedure(procedure) => (false, None, Some(procedure.as_str())),
            TopicSource::Opaque { .. } => (true, None, None),
        };
        let single = matches!(topic.source, TopicSource::Opaque { partitioned: false });
        r.put_str(&topic.name).put_i32(i32::from(single)).put_i32(i32::from(opaque));
        r.put_opt_str(stream).put_opt_str(procedure);
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[test]
    fn selectors() {
        for (name, selector) in NAMES {
            assert_eq!(Selector::read(&texts(&[&name.to_lowercase()])), Ok(selector));
            let answer = answer(selector, &Catalog::default(), &[], &[]);
            assert_eq!(answer.tables().count, 1, "{name}");
        }
        assert!(Selector::read(&texts(&["MOON"])).unwrap_err().text.contains("MOON"));
        assert!(Selector::read(&texts(&[])).is_err());
    }
}
