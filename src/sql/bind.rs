//! The parser's expressions, checked against a table: names found, literals read, types agreed upon.

use sqlparser::{
    ast::{self, BinaryOperator, Ident, Spanned, UnaryOperator},
    tokenizer::Span,
};
use tollgate_schema::{
    catalog::TableDef,
    types::Type,
    value::{Decimal, Value, bytes_of_hex, convert},
};

use super::{
    SqlError,
    aggregate::{AggregateCall, Function},
    eval,
    expr::{ArithmeticOp, Comparison, Expr, Kind, Typed},
};

/// Expressions are nested at most this deep, chains of AND and OR not counted.
const DEPTH_MAX: usize = 64;

/// Turns expressions of one statement into ours.
pub(super) struct Binder<'a> {
    /// The table and the name it goes by; none in VALUES.
    pub(super) table: Option<(&'a TableDef, &'a str)>,
    pub(super) params: &'a [Value],
    /// Every aggregate met so far. `None` where none may stand.
    pub(super) aggregates: Option<Vec<AggregateCall>>,
}

impl Binder<'_> {
    /// An expression with a value.
    pub(super) fn value(&mut self, expr: &ast::Expr) -> Result<Typed, SqlError> {
        self.value_at(expr, 0)
    }

    /// A condition.
    pub(super) fn condition(&mut self, expr: &ast::Expr) -> Result<Expr, SqlError> {
        self.condition_at(expr, 0)
    }

    fn value_at(&mut self, expr: &ast::Expr, depth: usize) -> Result<Typed, SqlError> {
        let typed = self.bind(expr, depth)?;
        if typed.kind == Kind::Condition {
            return Err(SqlError::at_span(expr.span(), "expected a value, found a condition"));
        }
        Ok(typed)
    }

    fn condition_at(&mut self, expr: &ast::Expr, depth: usize) -> Result<Expr, SqlError> {
        let typed = self.bind(expr, depth)?;
        if typed.kind != Kind::Condition {
            let message = format!("expected a condition, found {}", typed.kind.name());
            return Err(SqlError::at_span(expr.span(), message));
        }
        Ok(typed.expr)
    }

    fn bind(&mut self, expr: &ast::Expr, depth: usize) -> Result<Typed, SqlError> {
        if depth > DEPTH_MAX {
            return Err(SqlError::at_span(expr.span(), "the expression is nested too deeply"));
        }
        let depth = depth + 1;
        match expr {
            ast::Expr::Identifier(name) => self.column(None, name),
            ast::Expr::CompoundIdentifier(parts) => match &parts[..] {
                [table, name] => self.column(Some(table), name),
                _ => Err(SqlError::at_span(expr.span(), "a column is named as COLUMN or TABLE.COLUMN")),
            },
            ast::Expr::Value(value) => self.literal(&value.value, value.span),
            ast::Expr::Nested(of) => self.bind(of, depth),
            ast::Expr::UnaryOp { op, expr: of } => self.unary(*op, of, depth),
            ast::Expr::BinaryOp { left, op, right } => self.binary(expr, left, op, right, depth),
            ast::Expr::IsNull(of) => self.is_null(of, depth),
            ast::Expr::IsNotNull(of) => Ok(negate(true, self.is_null(of, depth)?)),
            ast::Expr::Between { expr: of, negated, low, high } => {
                let above = self.compare(Comparison::GreaterOrEqual, of, low, depth)?;
                let below = self.compare(Comparison::LessOrEqual, of, high, depth)?;
                Ok(negate(*negated, Typed::condition(Expr::And(vec![above, below]))))
            }
            ast::Expr::InList { expr: of, list, negated } => {
                Ok(negate(*negated, self.in_list(of, list, depth)?))
            }
            ast::Expr::Like { negated, any: false, expr: of, pattern, escape_char } => {
                Ok(negate(*negated, self.like(of, pattern, escape_char.as_ref(), depth)?))
            }
            ast::Expr::Function(function) => self.function(function, depth),
            other => Err(unsupported(other)),
        }
    }

    fn column(&self, table: Option<&Ident>, name: &Ident) -> Result<Typed, SqlError> {
        let Some((def, alias)) = self.table else {
            return Err(SqlError::at_span(name.span, format!("expected a value, found {}", name.value)));
        };
        if let Some(table) = table.filter(|t| !t.value.eq_ignore_ascii_case(alias)) {
            return Err(SqlError::at_span(
                table.span,
                format!("{} is not the table that is read", table.value),
            ));
        }
        let Some(column) = def.column(&name.value) else {
            return Err(SqlError::at_span(name.span, format!("{} has no column {}", def.name, name.value)));
        };
        Ok(Typed { expr: Expr::Column(column), kind: Kind::Of(def.columns[column].column_type) })
    }

    fn literal(&self, value: &ast::Value, span: Span) -> Result<Typed, SqlError> {
        let value = match value {
            ast::Value::Null => Value::Null,
            ast::Value::Number(digits, false) => number(digits, span)?,
            ast::Value::SingleQuotedString(text) => Value::Varchar(text.clone()),
            ast::Value::HexStringLiteral(digits) => {
                Value::Varbinary(bytes_of_hex(digits).ok_or_else(|| {
                    SqlError::at_span(span, format!("'{digits}' is not a row of hexadecimal bytes"))
                })?)
            }
            ast::Value::Placeholder(name) => {
                // The splitter numbered each `?`; the parser makes placeholders of `:name` too.
                let number = name.strip_prefix('?').and_then(|number| number.parse::<usize>().ok());
                number
                    .and_then(|number| self.params.get(number))
                    .cloned()
                    .ok_or_else(|| SqlError::at_span(span, format!("{name}: parameters are written as ?")))?
            }
            other => {
                return Err(SqlError::at_span(span, format!("{other} is no value that a column can have")));
            }
        };
        Ok(Typed::literal(value))
    }

    fn unary(&mut self, op: UnaryOperator, of: &ast::Expr, depth: usize) -> Result<Typed, SqlError> {
        match op {
            UnaryOperator::Not => Ok(negate(true, Typed::condition(self.condition_at(of, depth)?))),
            UnaryOperator::Plus => self.number(of, depth),
            UnaryOperator::Minus => {
                let typed = self.number(of, depth)?;
                // -5 is as good a literal as 5: keys are looked up by literals.
                if let Expr::Literal(value) = &typed.expr {
                    return eval::negate(value).map(Typed::literal);
                }
                let kind = arithmetic_kind(Kind::Of(Type::BigInt), typed.kind);
                Ok(Typed { expr: Expr::Negate(Box::new(typed.expr)), kind })
            }
            _ => Err(SqlError::at_span(of.span(), format!("operator {op} is not supported"))),
        }
    }

    fn binary(
        &mut self,
        whole: &ast::Expr,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        depth: usize,
    ) -> Result<Typed, SqlError> {
        let comparison = |op| Some(Ok(op));
        let operator = match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let list = chain(whole, op)
                    .into_iter()
                    .map(|part| self.condition_at(part, depth))
                    .collect::<Result<_, _>>()?;
                let expr = if *op == BinaryOperator::And { Expr::And(list) } else { Expr::Or(list) };
                return Ok(Typed::condition(expr));
            }
            BinaryOperator::Eq => comparison(Comparison::Equal),
            BinaryOperator::NotEq => comparison(Comparison::NotEqual),
            BinaryOperator::Lt => comparison(Comparison::Less),
            BinaryOperator::LtEq => comparison(Comparison::LessOrEqual),
            BinaryOperator::Gt => comparison(Comparison::Greater),
            BinaryOperator::GtEq => comparison(Comparison::GreaterOrEqual),
            BinaryOperator::Plus => Some(Err(ArithmeticOp::Add)),
            BinaryOperator::Minus => Some(Err(ArithmeticOp::Subtract)),
            BinaryOperator::Multiply => Some(Err(ArithmeticOp::Multiply)),
            BinaryOperator::Divide => Some(Err(ArithmeticOp::Divide)),
            BinaryOperator::Modulo => Some(Err(ArithmeticOp::Remainder)),
            _ => None,
        };
        match operator {
            Some(Ok(op)) => Ok(Typed::condition(self.compare(op, left, right, depth)?)),
            Some(Err(op)) => {
                let (left, right) = (self.number(left, depth)?, self.number(right, depth)?);
                let kind = arithmetic_kind(left.kind, right.kind);
                let (left, right) = (Box::new(left.expr), Box::new(right.expr));
                Ok(Typed { expr: Expr::Arithmetic { op, left, right }, kind })
            }
            None => Err(SqlError::at_span(whole.span(), format!("operator {op} is not supported"))),
        }
    }

    /// An expression to compute with.
    fn number(&mut self, expr: &ast::Expr, depth: usize) -> Result<Typed, SqlError> {
        let typed = self.value_at(expr, depth)?;
        match typed.kind {
            Kind::Null => Ok(typed),
            Kind::Of(t) if t.is_integer() || matches!(t, Type::Float | Type::Decimal) => Ok(typed),
            kind => Err(SqlError::at_span(expr.span(), format!("can't compute with {}", kind.name()))),
        }
    }

    fn is_null(&mut self, of: &ast::Expr, depth: usize) -> Result<Typed, SqlError> {
        Ok(Typed::condition(Expr::IsNull(Box::new(self.value_at(of, depth)?.expr))))
    }

    fn compare(
        &mut self,
        op: Comparison,
        left: &ast::Expr,
        right: &ast::Expr,
        depth: usize,
    ) -> Result<Expr, SqlError> {
        let (left_bound, right_bound) = (self.value_at(left, depth)?, self.value_at(right, depth)?);
        let (left, right) = agree(left_bound, left.span(), right_bound, right.span())?;
        Ok(Expr::Compare { op, left: Box::new(left), right: Box::new(right) })
    }

    fn in_list(&mut self, of: &ast::Expr, list: &[ast::Expr], depth: usize) -> Result<Typed, SqlError> {
        let value = self.value_at(of, depth)?;
        let list = list
            .iter()
            .map(|item| {
                let bound = self.value_at(item, depth)?;
                Ok(agree(value.clone(), of.span(), bound, item.span())?.1)
            })
            .collect::<Result<_, _>>()?;
        Ok(Typed::condition(Expr::In { value: Box::new(value.expr), list }))
    }

    fn like(
        &mut self,
        of: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::Value>,
        depth: usize,
    ) -> Result<Typed, SqlError> {
        let mut text = |expr: &ast::Expr| {
            let typed = self.value_at(expr, depth)?;
            match typed.kind {
                Kind::Null | Kind::Of(Type::Varchar { .. }) => Ok(Box::new(typed.expr)),
                kind => {
                    Err(SqlError::at_span(expr.span(), format!("LIKE takes VARCHAR, not {}", kind.name())))
                }
            }
        };
        let (text, pattern_text) = (text(of)?, text(pattern)?);
        let escape = match escape {
            None => None,
            Some(ast::Value::SingleQuotedString(escape)) if escape.chars().count() == 1 => {
                escape.chars().next()
            }
            Some(_) => return Err(SqlError::at_span(pattern.span(), "ESCAPE takes one character")),
        };
        Ok(Typed::condition(Expr::Like { text, pattern: pattern_text, escape }))
    }

    fn function(&mut self, function: &ast::Function, depth: usize) -> Result<Typed, SqlError> {
        let span = function.span();
        let name = function.name.to_string();
        let refuse = |message: String| Err(SqlError::at_span(span, message));
        let ast::Function {
            uses_odbc_syntax: false,
            parameters: ast::FunctionArguments::None,
            args: ast::FunctionArguments::List(arguments),
            filter: None,
            null_treatment: None,
            over: None,
            ..
        } = function
        else {
            return refuse(format!("this form of {name} is not supported"));
        };
        let Some(mut called) = Function::by_name(&name) else {
            return refuse(format!("there is no function {name}; known are COUNT, SUM, MIN, MAX and AVG"));
        };
        if self.aggregates.is_none() {
            return refuse(format!("{name} can't stand here"));
        }
        let distinct = arguments.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct);
        let (argument, argument_kind) = match &arguments.args[..] {
            _ if !arguments.clauses.is_empty() => {
                return refuse(format!("this form of {name} is not supported"));
            }
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)]
                if called == Function::Count && !distinct =>
            {
                called = Function::CountAll;
                (Expr::Literal(Value::Null), Kind::Null)
            }
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument))] => {
                // Aggregates of aggregates have no meaning.
                let aggregates = self.aggregates.take();
                let argument = self.value_at(argument, depth);
                self.aggregates = aggregates;
                let argument = argument?;
                (argument.expr, argument.kind)
            }
            _ => return refuse(format!("{name} takes one argument")),
        };
        called = match (called, distinct) {
            (Function::Count, true) => Function::CountDistinct,
            (Function::Sum | Function::Average, true) => {
                return refuse(format!("{name}(DISTINCT …) is not supported"));
            }
            (called, _) => called,
        };
        let Some(kind) = called.result(argument_kind) else {
            return refuse(format!("{name} does not take {}", argument_kind.name()));
        };
        let call = AggregateCall { function: called, argument };
        let aggregates = self.aggregates.as_mut().expect("that aggregates may stand here was seen above");
        let number = aggregates.iter().position(|known| *known == call).unwrap_or_else(|| {
            aggregates.push(call);
            aggregates.len() - 1
        });
        Ok(Typed { expr: Expr::Aggregate(number), kind })
    }
}

fn negate(negated: bool, condition: Typed) -> Typed {
    if negated { Typed::condition(Expr::Not(Box::new(condition.expr))) } else { condition }
}

/// The parts of a chain of one operator, which the parser gives as a tree as deep as the chain is long.
fn chain<'e>(mut expr: &'e ast::Expr, chained: &BinaryOperator) -> Vec<&'e ast::Expr> {
    let mut parts = Vec::new();
    while let ast::Expr::BinaryOp { left, op, right } = expr
        && op == chained
    {
        parts.push(&**right);
        expr = left;
    }
    parts.push(expr);
    parts.reverse();
    parts
}

/// What adding two numbers gives.
fn arithmetic_kind(left: Kind, right: Kind) -> Kind {
    let has = |wanted| left == Kind::Of(wanted) || right == Kind::Of(wanted);
    match (left, right) {
        (Kind::Null, _) | (_, Kind::Null) => Kind::Null,
        _ if has(Type::Float) => Kind::Of(Type::Float),
        _ if has(Type::Decimal) => Kind::Of(Type::Decimal),
        _ => Kind::Of(Type::BigInt),
    }
}

/// Makes two values comparable: a text beside something else is read as that, if it is written out.
fn agree(left: Typed, left_span: Span, right: Typed, right_span: Span) -> Result<(Expr, Expr), SqlError> {
    let (Kind::Of(left_type), Kind::Of(right_type)) = (left.kind, right.kind) else {
        return Ok((left.expr, right.expr));
    };
    match (family(left_type), family(right_type)) {
        (a, b) if a == b => Ok((left.expr, right.expr)),
        (_, Family::Text) if matches!(right.expr, Expr::Literal(_)) => {
            Ok((left.expr, reread(right.expr, left_type, right_span)?))
        }
        (Family::Text, _) if matches!(left.expr, Expr::Literal(_)) => {
            Ok((reread(left.expr, right_type, left_span)?, right.expr))
        }
        _ => {
            let (left, right) = (left.kind.name(), right.kind.name());
            Err(SqlError::at_span(right_span, format!("can't compare {left} with {right}")))
        }
    }
}

/// Types that compare with each other.
#[derive(PartialEq)]
enum Family {
    Number,
    Text,
    Binary,
}

fn family(of: Type) -> Family {
    match of {
        Type::Varchar { .. } => Family::Text,
        Type::Varbinary { .. } => Family::Binary,
        _ => Family::Number,
    }
}

/// A literal text as the type it is compared with.
fn reread(literal: Expr, wanted: Type, span: Span) -> Result<Expr, SqlError> {
    let Expr::Literal(value) = &literal else { unreachable!("only literals are read again") };
    let wanted = match wanted {
        // A number out of the column's range is none of its values, but no mistake.
        t if t.is_integer() => Type::BigInt,
        Type::Varbinary { .. } => Type::Varbinary { max: tollgate_schema::types::VALUE_BYTES_MAX },
        other => other,
    };
    convert(value, wanted).map(Expr::Literal).map_err(|e| SqlError::at_span(span, e.to_string()))
}

/// Digits are BIGINT if they fit, with a point (or too many of them) DECIMAL, with an exponent FLOAT.
fn number(digits: &str, span: Span) -> Result<Value, SqlError> {
    if let Ok(integer) = digits.parse::<i64>() {
        return Ok(Value::BigInt(integer));
    }
    let text = Value::Varchar(digits.to_owned());
    let wanted = if digits.contains(['e', 'E']) { Type::Float } else { Type::Decimal };
    match convert(&text, wanted) {
        Ok(value @ (Value::Decimal(Decimal(_)) | Value::Float(_))) => Ok(value),
        Ok(_) => unreachable!("converted to a number"),
        Err(error) => Err(SqlError::at_span(span, error.to_string())),
    }
}

fn unsupported(expr: &ast::Expr) -> SqlError {
    // An outside text as long as it likes is not repeated whole.
    let text: String = expr.to_string().chars().take(60).collect();
    SqlError::at_span(expr.span(), format!("not supported: {text}"))
}
