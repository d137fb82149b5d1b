//! An expression that was checked: names are positions, literals are values, types are known.

use tollgate_schema::{
    types::{Type, VARCHAR_DEFAULT},
    value::Value,
};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Literal(Value),
    /// Of the table's row.
    Column(usize),
    /// One of the expressions that rows are grouped by.
    Group(usize),
    /// One of the query's aggregates.
    Aggregate(usize),
    Negate(Box<Expr>),
    Arithmetic {
        op: ArithmeticOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Compare {
        op: Comparison,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    IsNull(Box<Expr>),
    Like {
        text: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<char>,
    },
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
    },
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True, false or unknown: a condition.
    Condition,
    /// Always NULL, of no type.
    Null,
    Of(Type),
}

impl Kind {
    /// For messages.
    pub(super) fn name(self) -> String {
        match self {
            Kind::Condition => "a condition".to_owned(),
            Kind::Null => "NULL".to_owned(),
            Kind::Of(Type::Varchar { .. }) => "VARCHAR".to_owned(),
            Kind::Of(Type::Varbinary { .. }) => "VARBINARY".to_owned(),
            Kind::Of(of) => of.to_string(),
        }
    }

    /// The type of a result's column; NULL of no type is shown as VARCHAR.
    pub(super) fn column_type(self) -> Type {
        match self {
            Kind::Of(of) => of,
            Kind::Null | Kind::Condition => VARCHAR_DEFAULT,
        }
    }
}

/// An expression and what it gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) kind: Kind,
}

impl Typed {
    pub(super) fn literal(value: Value) -> Typed {
        let kind = match &value {
            Value::Null => Kind::Null,
            Value::TinyInt(_) => Kind::Of(Type::TinyInt),
            Value::SmallInt(_) => Kind::Of(Type::SmallInt),
            Value::Integer(_) => Kind::Of(Type::Integer),
            Value::BigInt(_) => Kind::Of(Type::BigInt),
            Value::Float(_) => Kind::Of(Type::Float),
            Value::Decimal(_) => Kind::Of(Type::Decimal),
            Value::Varchar(_) => Kind::Of(VARCHAR_DEFAULT),
            Value::Varbinary(_) => Kind::Of(Type::Varbinary { max: tollgate_schema::types::VALUE_BYTES_MAX }),
            Value::Timestamp(_) => Kind::Of(Type::Timestamp),
        };
        Typed { expr: Expr::Literal(value), kind }
    }

    pub(super) fn condition(expr: Expr) -> Typed {
        Typed { expr, kind: Kind::Condition }
    }
}

impl Expr {
    /// Replaces whatever equals one of `groups` by its number. An error names a column (by position) that is
    /// left over: outside of groups and aggregates it has no one value.
    pub(super) fn regroup(self, groups: &[Expr]) -> Result<Expr, usize> {
        if let Some(group) = groups.iter().position(|g| *g == self) {
            return Ok(Expr::Group(group));
        }
        let boxed = |expr: Box<Expr>| expr.regroup(groups).map(Box::new);
        let all =
            |list: Vec<Expr>| list.into_iter().map(|e| e.regroup(groups)).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Expr::Column(column) => return Err(column),
            Expr::Literal(_) | Expr::Group(_) | Expr::Aggregate(_) => self,
            Expr::Negate(of) => Expr::Negate(boxed(of)?),
            Expr::IsNull(of) => Expr::IsNull(boxed(of)?),
            Expr::Not(of) => Expr::Not(boxed(of)?),
            Expr::Arithmetic { op, left, right } => {
                Expr::Arithmetic { op, left: boxed(left)?, right: boxed(right)? }
            }
            Expr::Compare { op, left, right } => {
                Expr::Compare { op, left: boxed(left)?, right: boxed(right)? }
            }
            Expr::Like { text, pattern, escape } => {
                Expr::Like { text: boxed(text)?, pattern: boxed(pattern)?, escape }
            }
            Expr::In { value, list } => Expr::In { value: boxed(value)?, list: all(list)? },
            Expr::And(list) => Expr::And(all(list)?),
            Expr::Or(list) => Expr::Or(all(list)?),
        })
    }
}
