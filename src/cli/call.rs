//! `tollgate call`: one call, its arguments converted to what the procedure declares.

use super::{
    options::Server,
    output::{print_line, table_json, table_text},
};
use crate::client::{
    Answer, Connection,
    declared::{self, DeclaredProcedure},
};
use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use tollgate_schema::value::Value;

/// Call a procedure and print its result tables
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Call {
    /// The procedure's name, such as ValidateEntry, CARDS.select or @Statistics
    procedure: String,
    /// Its parameters in order; NULL for none
    #[arg(allow_negative_numbers = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    server: Server,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Put -- before an argument that begins with a dash and is no number. Examples:
  tollgate call CARDS.select 17
  tollgate call ValidateEntry 17 1700000000000 5 1 0
  tollgate call --json @Statistics MEMORY 0
  tollgate call @AdHoc \"SELECT COUNT(*) FROM cards\"";

impl Call {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut connection = Connection::open(&self.server.server)?;
        // System procedures declare nothing.
        let values = if self.procedure.starts_with('@') {
            self.arguments.iter().map(|text| guess(text)).collect()
        } else {
            convert(&declared::procedure(&mut connection, &self.procedure)?, &self.arguments)?
        };
        let answer = connection.call(&self.procedure, &values)?;
        self.print(&answer)?;
        if answer.is_success() {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("error: {} answered {}: {}", self.procedure, answer.status.name(), answer.status_text);
        Ok(ExitCode::FAILURE)
    }

    fn print(&self, answer: &Answer) -> Result<()> {
        if self.json {
            let tables: Vec<_> = answer.tables.iter().map(table_json).collect();
            let line = json!({
                "status": answer.status.code(),
                "status_name": answer.status.name(),
                "status_text": answer.status_text,
                "tables": tables,
            });
            return print_line(&line.to_string());
        }
        let tables: Vec<_> = answer.tables.iter().map(table_text).collect();
        if tables.is_empty() { Ok(()) } else { print_line(tables.join("\n").trim_end()) }
    }
}

const NULL: &str = "NULL";

/// Each text as the type its parameter declares.
fn convert(procedure: &DeclaredProcedure, texts: &[String]) -> Result<Vec<Value>> {
    let parameters = &procedure.parameters;
    if texts.len() != parameters.len() {
        let usage: Vec<String> =
            parameters.iter().map(|p| format!("{} {}", p.name, p.declared_type)).collect();
        bail!(
            "{} takes {} parameters and {} were given; they are ({})",
            procedure.name,
            parameters.len(),
            texts.len(),
            usage.join(", ")
        );
    }
    let convert = |(parameter, text): (&declared::Declared, &String)| match text.as_str() {
        NULL => Ok(Value::Null),
        text => parameter.parse(text).map_err(|reason| anyhow::anyhow!("parameter {reason}")),
    };
    parameters.iter().zip(texts).map(convert).collect()
}

/// An integer where the text is one.
fn guess(text: &str) -> Value {
    match text.parse::<i64>() {
        _ if text == NULL => Value::Null,
        Ok(number) => i32::try_from(number).map_or(Value::BigInt(number), Value::Integer),
        Err(_) => Value::Varchar(text.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use declared::Declared;
    use tollgate_schema::types::Type;

    #[test]
    fn arguments_take_the_declared_types() {
        let parameter =
            |name: &str, declared_type| Declared { name: name.to_string(), declared_type, default: None };
        let procedure = DeclaredProcedure {
            name: "P".to_string(),
            parameters: vec![parameter("param0", Type::TinyInt), parameter("param1", Type::Timestamp)],
        };
        let texts = |texts: &[&str]| texts.iter().map(|t| t.to_string()).collect::<Vec<_>>();
        assert_eq!(
            convert(&procedure, &texts(&["-1", "1970-01-01 00:00:01"])).unwrap(),
            [Value::TinyInt(-1), Value::Timestamp(1_000_000)]
        );
        assert_eq!(convert(&procedure, &texts(&["NULL", "NULL"])).unwrap(), [Value::Null, Value::Null]);
        let error = convert(&procedure, &texts(&["1"])).unwrap_err().to_string();
        assert_eq!(
            error,
            "P takes 2 parameters and 1 were given; they are (param0 TINYINT, param1 TIMESTAMP)"
        );
        let error = convert(&procedure, &texts(&["300", "0"])).unwrap_err().to_string();
        assert!(error.starts_with("parameter param0: "), "{error}");
    }

    #[test]
    fn system_procedures_get_numbers_and_texts() {
        assert_eq!(guess("0"), Value::Integer(0));
        assert_eq!(guess("-5000000000"), Value::BigInt(-5_000_000_000));
        assert_eq!(guess("TOPO"), Value::Varchar("TOPO".to_string()));
        assert_eq!(guess("NULL"), Value::Null);
    }
}
