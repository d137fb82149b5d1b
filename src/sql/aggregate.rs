//! COUNT, SUM, MIN, MAX and AVG: what they are, and their running state.

use std::{cmp::Ordering, collections::BTreeSet};

use tollgate_schema::{
    types::Type,
    value::{Value, compare},
};

use super::{
    SqlError,
    eval::{Input, arithmetic, float},
    expr::{ArithmeticOp, Expr, Kind},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    CountAll,
    Count,
    CountDistinct,
    Sum,
    Min,
    Max,
    Average,
}

/// A function over an expression of the rows (a literal for COUNT(*)).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AggregateCall {
    pub(super) function: Function,
    pub(super) argument: Expr,
}

impl Function {
    pub(super) fn by_name(name: &str) -> Option<Function> {
        [
            ("COUNT", Function::Count),
            ("SUM", Function::Sum),
            ("MIN", Function::Min),
            ("MAX", Function::Max),
            ("AVG", Function::Average),
        ]
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
        .map(|(_, function)| function)
    }

    /// What it gives for an argument of that kind; `None` if it takes none such.
    pub(super) fn result(self, argument: Kind) -> Option<Kind> {
        let number = match argument {
            Kind::Of(t) if t.is_integer() => Some(Type::BigInt),
            Kind::Of(t @ (Type::Float | Type::Decimal)) => Some(t),
            _ => None,
        };
        match self {
            _ if argument == Kind::Condition => None,
            Function::CountAll | Function::Count | Function::CountDistinct => Some(Kind::Of(Type::BigInt)),
            Function::Min | Function::Max => Some(argument),
            Function::Sum => number.map(Kind::Of),
            // The mean of integers is no integer.
            Function::Average => {
                number.map(|t| Kind::Of(if t == Type::Decimal { Type::Decimal } else { Type::Float }))
            }
        }
    }
}

/// A value in the order of values, NULL first: a key of groups and of sets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ordered(pub(super) Value);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Ordered) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Ordered) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// The running state of one aggregate in one group.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    function: Function,
    /// Rows counted: those whose argument is not NULL.
    count: i64,
    /// The sum, or the smallest or largest value; NULL before the first.
    value: Value,
    distinct: BTreeSet<Ordered>,
}

impl Accumulator {
    pub(super) fn new(function: Function) -> Accumulator {
        Accumulator { function, count: 0, value: Value::Null, distinct: BTreeSet::new() }
    }

    /// Takes one row's argument in; how many bytes that took.
    pub(super) fn add(&mut self, call: &AggregateCall, input: &Input<'_>) -> Result<usize, SqlError> {
        if self.function == Function::CountAll {
            self.count += 1;
            return Ok(0);
        }
        let value = call.argument.value(input)?;
        if value == Value::Null {
            return Ok(0);
        }
        self.count += 1;
        match self.function {
            Function::CountAll | Function::Count => {}
            Function::CountDistinct => {
                let bytes = size_of_value(&value);
                return Ok(if self.distinct.insert(Ordered(value)) { bytes } else { 0 });
            }
            // The first value too is added to something, so that the sum has the type of sums.
            Function::Sum | Function::Average if self.value == Value::Null => {
                self.value = arithmetic(ArithmeticOp::Add, &Value::BigInt(0), &value)?;
            }
            Function::Sum | Function::Average => {
                self.value = arithmetic(ArithmeticOp::Add, &self.value, &value)?;
            }
            Function::Min | Function::Max => {
                let wanted = if self.function == Function::Min { Ordering::Less } else { Ordering::Greater };
                if self.value == Value::Null || compare(&value, &self.value) == wanted {
                    self.value = value;
                }
            }
        }
        Ok(0)
    }

    /// COUNT of nothing is 0, all else of nothing is NULL.
    pub(super) fn finish(self) -> Result<Value, SqlError> {
        match self.function {
            Function::CountAll | Function::Count => Ok(Value::BigInt(self.count)),
            Function::CountDistinct => Ok(Value::BigInt(self.distinct.len() as i64)),
            Function::Sum | Function::Min | Function::Max => Ok(self.value),
            Function::Average => match &self.value {
                Value::Null => Ok(Value::Null),
                Value::Decimal(_) => {
                    arithmetic(ArithmeticOp::Divide, &self.value, &Value::BigInt(self.count))
                }
                sum => Ok(Value::Float(float(sum) / self.count as f64)),
            },
        }
    }
}

/// About how many bytes a value takes when it is kept.
pub(super) fn size_of_value(value: &Value) -> usize {
    let owned = match value {
        Value::Varchar(text) => text.len(),
        Value::Varbinary(bytes) => bytes.len(),
        _ => 0,
    };
    size_of::<Value>() + owned
}
