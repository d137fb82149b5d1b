//! `@AdHoc(sql [, values of its ?])`. Queries read frozen views; rows are written by procedures, through the
//! gate; DDL is compared with what is there.
//!
//! A text of several statements is answered with a table for each. Queries that stand next to each other see
//! one moment; INSERTs and UPSERTs that stand next to each other are one transaction. Between such groups
//! others may come: when a later group fails, the refusal says how many statements are done.

mod read;
mod write;

use super::front::Front;
use crate::{
    limits,
    sql::{self, InsertPlan, Plan, SelectPlan, SqlError},
    wire::volt::{
        frame::FRAME_BYTES_MAX,
        system::{ResultTables, SystemError},
    },
};
use std::{sync::Arc, time::Duration};
use tollgate_schema::{codec::ParamReader, ddl, value::Value};

/// Statements that are done together.
enum Group {
    Read(Vec<SelectPlan>),
    Write(Vec<InsertPlan>),
    /// The whole text.
    Ddl(String),
}

impl Group {
    fn statements(&self) -> usize {
        match self {
            Group::Read(plans) => plans.len(),
            Group::Write(plans) => plans.len(),
            Group::Ddl(_) => 1,
        }
    }
}

/// `params`: the call's parameter set; `timeout_ms`: how long reading may take, if the caller says so.
pub(super) async fn answer(
    front: &Arc<Front>,
    params: &[u8],
    timeout_ms: Option<i32>,
) -> Result<ResultTables, SystemError> {
    let (text, values) = read_params(params)?;
    let shared = front.shared.clone();
    let planned = move || sql::plan(&text, &values, shared.gate.registry().catalog());
    let plans = front.slots.clone().run(planned).await?.map_err(|error| refused(&error))?;
    if plans.len() > limits::QUERY_STATEMENTS_MAX {
        let most = limits::QUERY_STATEMENTS_MAX;
        return Err(SystemError::graceful(format!("@AdHoc: {} statements, {most} are allowed", plans.len())));
    }
    let mut answered = ResultTables::new();
    let mut done = 0;
    for group in groups(plans) {
        let statements = group.statements();
        let outcome = match group {
            Group::Read(plans) => read::run(front, plans, longest(timeout_ms)).await,
            Group::Write(plans) => write::run(front, &plans).await,
            Group::Ddl(text) => compare(front, &text),
        };
        answered = answered.and(outcome.map_err(|error| after(done, error))?);
        if answered.tables().bytes.len() > FRAME_BYTES_MAX - HEAD_BYTES_MAX {
            let text = "the results together are longer than 50 MiB: narrow them by WHERE or LIMIT";
            return Err(after(done, refused(&SqlError { position: None, message: text.to_string() })));
        }
        done += statements;
    }
    Ok(answered)
}

/// What a response has besides its tables.
const HEAD_BYTES_MAX: usize = 1024;

/// How long reading may take: a caller may ask for less than the server allows, not for more.
fn longest(timeout_ms: Option<i32>) -> Duration {
    let asked = timeout_ms.and_then(|ms| u64::try_from(ms).ok()).filter(|&ms| ms > 0);
    Duration::from_millis(asked.map_or(limits::QUERY_MAX_MS, |ms| ms.min(limits::QUERY_MAX_MS)))
}

/// The text, and the values of its `?`.
fn read_params(params: &[u8]) -> Result<(String, Vec<Value>), SystemError> {
    let malformed = |error| SystemError::graceful(format!("@AdHoc: {error}"));
    let mut reader = ParamReader::new(params).map_err(malformed)?;
    let values = reader.total().saturating_sub(1);
    if values > limits::QUERY_PARAMETERS_MAX {
        let most = limits::QUERY_PARAMETERS_MAX;
        return Err(SystemError::graceful(format!("@AdHoc: {values} values were given, {most} are allowed")));
    }
    let text = match reader.next_param().map_err(malformed)? {
        Some(param) => param.as_str().map(str::to_string),
        None => None,
    };
    let text = text.ok_or_else(|| SystemError::graceful("@AdHoc takes a statement of SQL as text"))?;
    let mut values = Vec::with_capacity(values);
    while let Some(param) = reader.next_param().map_err(malformed)? {
        let value = param.to_value().ok_or_else(|| {
            let position = values.len() + 1;
            SystemError::graceful(format!("@AdHoc: parameter {position} can't be {}", param.type_name()))
        })?;
        values.push(value);
    }
    reader.finish().map_err(malformed)?;
    Ok((text, values))
}

/// Puts neighbours of a kind together.
fn groups(plans: Vec<Plan>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for plan in plans {
        match (plan, groups.last_mut()) {
            (Plan::Select(plan), Some(Group::Read(plans))) => plans.push(*plan),
            (Plan::Insert(plan), Some(Group::Write(plans))) => plans.push(plan),
            (Plan::Select(plan), _) => groups.push(Group::Read(vec![*plan])),
            (Plan::Insert(plan), _) => groups.push(Group::Write(vec![plan])),
            (Plan::Ddl(text), _) => groups.push(Group::Ddl(text)),
        }
    }
    groups
}

/// DDL that says what is there already succeeds: scripts that create their tables first can be run.
fn compare(front: &Front, text: &str) -> Result<ResultTables, SystemError> {
    let refused =
        |reason: String| Err(SystemError::graceful(format!("[Ad Hoc DDL Input:1]: DDL Error: \"{reason}\"")));
    match ddl::statement_is_in(front.shared.gate.registry().catalog(), text) {
        Ok(true) => Ok(ResultTables::status_ok()),
        Ok(false) => refused(
            "this is not in the schema, and the schema is compiled into the server: add it there, build and restart"
                .to_string(),
        ),
        Err(error) => refused(error.to_string()),
    }
}

fn refused(error: &SqlError) -> SystemError {
    SystemError::graceful(format!("VOLTDB ERROR: SQL ERROR\n  {error}"))
}

/// A refusal after statements of the same text were done.
fn after(done: usize, error: SystemError) -> SystemError {
    match done {
        0 => error,
        1 => SystemError { text: format!("{} (the statement before this one is done)", error.text), ..error },
        _ => SystemError {
            text: format!("{} (the {done} statements before this one are done)", error.text),
            ..error
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_schema::codec::ParamWriter;

    #[test]
    fn a_caller_may_ask_for_less_time_but_not_for_more() {
        let ms = |timeout| longest(timeout).as_millis() as u64;
        assert_eq!(ms(None), limits::QUERY_MAX_MS);
        assert_eq!(ms(Some(0)), limits::QUERY_MAX_MS);
        assert_eq!(ms(Some(-5)), limits::QUERY_MAX_MS);
        assert_eq!(ms(Some(1500)), 1500);
        assert_eq!(ms(Some(i32::MAX)), limits::QUERY_MAX_MS);
    }

    #[test]
    fn values_follow_the_text() {
        let params = |fill: &dyn Fn(&mut ParamWriter<'_>)| {
            let mut out = Vec::new();
            let mut writer = ParamWriter::new(&mut out);
            fill(&mut writer);
            writer.finish();
            read_params(&out)
        };
        let read = params(&|p| {
            p.put_str("SELECT ?").put_i32(7).put_null();
        });
        assert_eq!(read, Ok(("SELECT ?".to_string(), vec![Value::Integer(7), Value::Null])));
        assert!(params(&|_| ()).is_err());
        let number = params(&|p| {
            p.put_i32(1);
        });
        assert!(number.unwrap_err().text.contains("as text"));
        let array = params(&|p| {
            p.put_str("SELECT ?").put_i64_array(&[1]);
        });
        assert!(array.unwrap_err().text.contains("parameter 1"));
        let many = params(&|p| {
            p.put_str("SELECT ?");
            (0..=limits::QUERY_PARAMETERS_MAX).for_each(|_| {
                p.put_i8(1);
            });
        });
        assert!(many.unwrap_err().text.contains("1026 values"));
    }
}
