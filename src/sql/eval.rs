//! What an expression gives for a row. NULL in, NULL out; conditions are true, false or unknown.

use std::cmp::Ordering;

use tollgate_schema::{
    catalog::TableDef,
    record::column_value,
    row::RowRef,
    value::{Decimal, Value, compare, decimal::DECIMAL_ONE},
};

use super::{
    SqlError,
    expr::{ArithmeticOp, Comparison, Expr},
    like::like,
};

/// A row of the table a query reads. Only the columns that are needed are asked for.
pub trait Row {
    /// The value of the column at this position.
    fn column(&self, column: usize) -> Value;
}

/// A row as a store keeps it.
#[derive(Clone, Copy, Debug)]
pub struct StoredRow<'a> {
    pub table: &'a TableDef,
    /// One of the table's.
    pub row: RowRef<'a>,
}

impl Row for StoredRow<'_> {
    fn column(&self, column: usize) -> Value {
        column_value(self.table, self.row, column)
    }
}

impl Row for Vec<Value> {
    fn column(&self, column: usize) -> Value {
        self[column].clone()
    }
}

/// What an expression's leaves stand for.
pub(super) enum Input<'a> {
    /// Nothing: the expression is constant.
    Nothing,
    Row(&'a dyn Row),
    /// Values of the groups and of the aggregates.
    Group {
        keys: &'a [Value],
        aggregates: &'a [Value],
    },
}

impl Expr {
    /// The value. Not for conditions.
    pub(super) fn value(&self, input: &Input<'_>) -> Result<Value, SqlError> {
        match (self, input) {
            (Expr::Literal(value), _) => Ok(value.clone()),
            (Expr::Column(column), Input::Row(row)) => Ok(row.column(*column)),
            (Expr::Group(group), Input::Group { keys, .. }) => Ok(keys[*group].clone()),
            (Expr::Aggregate(number), Input::Group { aggregates, .. }) => Ok(aggregates[*number].clone()),
            (Expr::Negate(of), _) => negate(&of.value(input)?),
            (Expr::Arithmetic { op, left, right }, _) => {
                arithmetic(*op, &left.value(input)?, &right.value(input)?)
            }
            _ => unreachable!("the planner lets {self:?} stand only where it has a value"),
        }
    }

    /// The condition's outcome, `None` for unknown. Only for conditions.
    pub(super) fn truth(&self, input: &Input<'_>) -> Result<Option<bool>, SqlError> {
        Ok(match self {
            Expr::Compare { op, left, right } => {
                let (left, right) = (left.value(input)?, right.value(input)?);
                ordering(&left, &right).map(|ordering| op.holds(ordering))
            }
            Expr::IsNull(of) => Some(of.value(input)? == Value::Null),
            Expr::Like { text, pattern, escape } => match (text.value(input)?, pattern.value(input)?) {
                (Value::Varchar(text), Value::Varchar(pattern)) => Some(like(&text, &pattern, *escape)),
                _ => None,
            },
            Expr::In { value, list } => {
                let value = value.value(input)?;
                any(list, |item| Ok(ordering(&value, &item.value(input)?).map(Ordering::is_eq)))?
            }
            Expr::Not(of) => of.truth(input)?.map(|truth| !truth),
            Expr::Or(list) => any(list, |item| item.truth(input))?,
            Expr::And(list) => any(list, |item| Ok(item.truth(input)?.map(|truth| !truth)))?.map(|any| !any),
            _ => unreachable!("the planner lets {self:?} stand only where it is a condition"),
        })
    }
}

/// True once one is, else unknown if one is, else false.
fn any(
    list: &[Expr],
    mut truth: impl FnMut(&Expr) -> Result<Option<bool>, SqlError>,
) -> Result<Option<bool>, SqlError> {
    let mut outcome = Some(false);
    for item in list {
        match truth(item)? {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => outcome = None,
        }
    }
    Ok(outcome)
}

fn ordering(left: &Value, right: &Value) -> Option<Ordering> {
    (*left != Value::Null && *right != Value::Null).then(|| compare(left, right))
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

pub(super) fn negate(value: &Value) -> Result<Value, SqlError> {
    arithmetic(ArithmeticOp::Subtract, &Value::BigInt(0), value)
}

/// Integers give BIGINT, a DECIMAL makes the result DECIMAL, a FLOAT makes it FLOAT.
pub(super) fn arithmetic(op: ArithmeticOp, left: &Value, right: &Value) -> Result<Value, SqlError> {
    if *left == Value::Null || *right == Value::Null {
        return Ok(Value::Null);
    }
    if let (Some(left), Some(right)) = (left.as_integer(), right.as_integer()) {
        return integers(op, left, right);
    }
    if matches!(left, Value::Float(_)) || matches!(right, Value::Float(_)) {
        return floats(op, float(left), float(right));
    }
    decimals(op, unscaled(left), unscaled(right))
}

fn integers(op: ArithmeticOp, left: i64, right: i64) -> Result<Value, SqlError> {
    let result = match op {
        ArithmeticOp::Add => left.checked_add(right),
        ArithmeticOp::Subtract => left.checked_sub(right),
        ArithmeticOp::Multiply => left.checked_mul(right),
        ArithmeticOp::Divide | ArithmeticOp::Remainder if right == 0 => return Err(divided_by_zero()),
        ArithmeticOp::Divide => left.checked_div(right),
        ArithmeticOp::Remainder => left.checked_rem(right),
    };
    // The smallest BIGINT is NULL's.
    result.filter(|r| *r != i64::MIN).map(Value::BigInt).ok_or_else(|| too_large("BIGINT"))
}

fn floats(op: ArithmeticOp, left: f64, right: f64) -> Result<Value, SqlError> {
    let result = match op {
        ArithmeticOp::Add => left + right,
        ArithmeticOp::Subtract => left - right,
        ArithmeticOp::Multiply => left * right,
        ArithmeticOp::Divide | ArithmeticOp::Remainder if right == 0.0 => return Err(divided_by_zero()),
        ArithmeticOp::Divide => left / right,
        ArithmeticOp::Remainder => left % right,
    };
    let is_value = result.is_finite() && result > tollgate_schema::value::NULL_FLOAT;
    if is_value { Ok(Value::Float(result)) } else { Err(too_large("FLOAT")) }
}

/// Of numbers times 10^12.
fn decimals(op: ArithmeticOp, left: i128, right: i128) -> Result<Value, SqlError> {
    let result = match op {
        ArithmeticOp::Add => left.checked_add(right),
        ArithmeticOp::Subtract => left.checked_sub(right),
        ArithmeticOp::Multiply => left.checked_mul(right).map(|product| product / DECIMAL_ONE),
        ArithmeticOp::Divide | ArithmeticOp::Remainder if right == 0 => return Err(divided_by_zero()),
        ArithmeticOp::Divide => left.checked_mul(DECIMAL_ONE).and_then(|left| left.checked_div(right)),
        ArithmeticOp::Remainder => left.checked_rem(right),
    };
    result.and_then(Decimal::from_unscaled).map(Value::Decimal).ok_or_else(|| too_large("DECIMAL"))
}

/// The number of a value that is one.
pub(super) fn float(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::Decimal(number) => number.to_f64(),
        other => other.as_integer().expect("the planner computes with numbers only") as f64,
    }
}

fn unscaled(value: &Value) -> i128 {
    match value {
        Value::Decimal(number) => number.0,
        other => Decimal::from_integer(other.as_integer().expect("the planner computes with numbers only")).0,
    }
}

fn divided_by_zero() -> SqlError {
    SqlError::anywhere("division by zero")
}

fn too_large(what: &str) -> SqlError {
    SqlError::anywhere(format!("the result of a computation is too large for {what}"))
}
