//! The plan of a query.

use sqlparser::ast::{
    self, Distinct, GroupByExpr, LimitClause, OrderByKind, SelectItem, SetExpr, Spanned, TableFactor,
};
use tollgate_schema::{
    catalog::{Catalog, TableDef, TableId},
    types::Type,
    value::{Value, convert},
};

use super::{
    SqlError,
    aggregate::AggregateCall,
    bind::Binder,
    expr::{Comparison, Expr, Typed},
};

/// A query over one table, ready to be fed its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectPlan {
    table: TableId,
    /// Types of the table's columns.
    column_types: Vec<Type>,
    pub(super) columns: Vec<(String, Type)>,
    /// What each column of the result is computed from: a row, or a group if there is grouping.
    pub(super) outputs: Vec<Expr>,
    pub(super) filter: Option<Expr>,
    pub(super) grouping: Option<Grouping>,
    pub(super) order: Vec<OrderKey>,
    pub(super) offset: usize,
    pub(super) limit: Option<usize>,
}

/// Rows are put into groups, of which the result is made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grouping {
    /// None: all rows are one group, which is there even without rows.
    pub(super) keys: Vec<Expr>,
    pub(super) aggregates: Vec<AggregateCall>,
    pub(super) having: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct OrderKey {
    pub(super) expr: Expr,
    pub(super) descending: bool,
    /// Else last.
    pub(super) nulls_first: bool,
}

impl SelectPlan {
    /// The table, stream or view to feed from.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// Names and types of the result's columns.
    pub fn columns(&self) -> &[(String, Type)] {
        &self.columns
    }

    /// The one value this column has in every row that can be in the result, in the column's type, if the
    /// condition says so by an equality. Of the partitioning column: rows of one partition are enough.
    pub fn key_equality(&self, column: usize) -> Option<Value> {
        let parts = match self.filter.as_ref()? {
            Expr::And(parts) => &parts[..],
            other => std::slice::from_ref(other),
        };
        parts.iter().find_map(|part| {
            let Expr::Compare { op: Comparison::Equal, left, right } = part else { return None };
            let value = match (&**left, &**right) {
                (Expr::Column(c), Expr::Literal(value)) | (Expr::Literal(value), Expr::Column(c))
                    if *c == column =>
                {
                    value
                }
                _ => return None,
            };
            // What does not convert equals no value of the column; to look at all rows finds none of them.
            convert(value, self.column_types[column]).ok().filter(|v| *v != Value::Null)
        })
    }

    /// Whether the answer is the number of the table's rows, which the store knows without reading them.
    pub fn counts_rows(&self) -> bool {
        let Some(grouping) = &self.grouping else { return false };
        let counts_all =
            grouping.aggregates.iter().all(|a| a.function == super::aggregate::Function::CountAll);
        self.filter.is_none() && grouping.keys.is_empty() && grouping.having.is_none() && counts_all
    }
}

/// Refuses a part of a statement that is not supported.
fn refuse<T>(node: &impl Spanned, what: &str) -> Result<T, SqlError> {
    Err(SqlError::at_span(node.span(), format!("{what} not supported")))
}

pub(super) fn plan(query: &ast::Query, params: &[Value], catalog: &Catalog) -> Result<SelectPlan, SqlError> {
    let ast::Query {
        with: None,
        body,
        order_by,
        limit_clause,
        fetch: None,
        for_clause: None,
        settings: None,
        format_clause: None,
        locks,
        pipe_operators,
    } = query
    else {
        return refuse(query, "a query with WITH, FETCH, FOR, SETTINGS or FORMAT is");
    };
    if !locks.is_empty() || !pipe_operators.is_empty() {
        return refuse(query, "a query that locks or pipes is");
    }
    let SetExpr::Select(select) = &**body else {
        return refuse(&**body, "set operations and nested queries are");
    };
    let (table, alias) = source(select, catalog)?;
    let def = catalog.table(table);
    let binder = Binder { table: Some((def, alias)), params, aggregates: None };
    let mut planner = Planner { def, binder, columns: Vec::new(), outputs: Vec::new() };
    let mut plan = planner.select(select, table)?;
    if let Some(order_by) = order_by {
        planner.order(order_by, &mut plan)?;
    }
    if let Some(clause) = limit_clause {
        planner.limit(clause, &mut plan)?;
    }
    planner.group(select, plan)
}

/// The one table of FROM, and the name that columns may carry.
fn source<'a>(select: &'a ast::Select, catalog: &'a Catalog) -> Result<(TableId, &'a str), SqlError> {
    let [from] = &select.from[..] else {
        return refuse(select, "a query without FROM, or over several tables, is");
    };
    if !from.joins.is_empty() {
        return refuse(&from.joins[0], "joins are");
    }
    let TableFactor::Table {
        name,
        alias,
        args: None,
        version: None,
        with_ordinality: false,
        json_path: None,
        sample: None,
        with_hints,
        partitions,
        index_hints,
    } = &from.relation
    else {
        return refuse(&from.relation, "anything but a table's name in FROM is");
    };
    if !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
        return refuse(&from.relation, "hints are");
    }
    let table = find_table(name, catalog)?;
    match alias {
        Some(alias) if !alias.columns.is_empty() => refuse(&from.relation, "an alias with columns is"),
        Some(alias) => Ok((table, &alias.name.value)),
        None => Ok((table, &catalog.table(table).name)),
    }
}

pub(super) fn find_table(name: &ast::ObjectName, catalog: &Catalog) -> Result<TableId, SqlError> {
    let found = match &name.0[..] {
        [part] => part
            .as_ident()
            .and_then(|ident| catalog.find(&ident.value))
            .filter(|&table| !catalog.table(table).is_internal()),
        _ => None,
    };
    found.ok_or_else(|| SqlError::at_span(name.span(), format!("there is no table {name}")))
}

/// What is known while a query is planned.
struct Planner<'a> {
    def: &'a TableDef,
    binder: Binder<'a>,
    columns: Vec<(String, Type)>,
    outputs: Vec<Expr>,
}

impl Planner<'_> {
    fn select(&mut self, select: &ast::Select, table: TableId) -> Result<SelectPlan, SqlError> {
        let ast::Select {
            top: None,
            exclude: None,
            into: None,
            prewhere: None,
            qualify: None,
            value_table_mode: None,
            connect_by: None,
            lateral_views,
            cluster_by,
            distribute_by,
            sort_by,
            named_window,
            ..
        } = select
        else {
            return refuse(select, "a clause of this query is");
        };
        if !lateral_views.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || !named_window.is_empty()
        {
            return refuse(select, "a clause of this query is");
        }
        let filter = select.selection.as_ref().map(|expr| self.binder.condition(expr)).transpose()?;
        self.binder.aggregates = Some(Vec::new());
        for item in &select.projection {
            self.item(item)?;
        }
        Ok(SelectPlan {
            table,
            column_types: self.def.columns.iter().map(|c| c.column_type).collect(),
            columns: std::mem::take(&mut self.columns),
            outputs: std::mem::take(&mut self.outputs),
            filter,
            grouping: None,
            order: Vec::new(),
            offset: 0,
            limit: None,
        })
    }

    fn item(&mut self, item: &SelectItem) -> Result<(), SqlError> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let typed = self.binder.value(expr)?;
                let name = match typed.expr {
                    Expr::Column(column) => self.def.columns[column].name.clone(),
                    _ => format!("C{}", self.outputs.len() + 1),
                };
                self.output(name, typed);
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let typed = self.binder.value(expr)?;
                self.output(fold(alias), typed);
            }
            SelectItem::Wildcard(options) if is_plain(options) => self.all_columns(),
            SelectItem::QualifiedWildcard(
                ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) if is_plain(options) => {
                let (_, alias) = self.binder.table.expect("a query has a table");
                if !name.to_string().eq_ignore_ascii_case(alias) {
                    let message = format!("{name} is not the table that is read");
                    return Err(SqlError::at_span(name.span(), message));
                }
                self.all_columns();
            }
            other => return refuse(other, "this form of * is"),
        }
        Ok(())
    }

    fn all_columns(&mut self) {
        for (column, def) in self.def.visible().iter().enumerate() {
            self.columns.push((def.name.clone(), def.column_type));
            self.outputs.push(Expr::Column(column));
        }
    }

    fn output(&mut self, name: String, typed: Typed) {
        self.columns.push((name, typed.kind.column_type()));
        self.outputs.push(typed.expr);
    }

    fn order(&mut self, order_by: &ast::OrderBy, plan: &mut SelectPlan) -> Result<(), SqlError> {
        let ast::OrderBy { kind: OrderByKind::Expressions(exprs), interpolate: None } = order_by else {
            return refuse(order_by, "this form of ORDER BY is");
        };
        for ast::OrderByExpr { expr, options, with_fill } in exprs {
            if with_fill.is_some() {
                return refuse(order_by, "WITH FILL is");
            }
            let descending = options.asc == Some(false);
            let key = self.order_key(expr, plan)?;
            // As in the order of values: NULL is the smallest.
            let nulls_first = options.nulls_first.unwrap_or(!descending);
            plan.order.push(OrderKey { expr: key, descending, nulls_first });
        }
        Ok(())
    }

    /// A column of the result by number or name, or an expression.
    fn order_key(&mut self, expr: &ast::Expr, plan: &SelectPlan) -> Result<Expr, SqlError> {
        if let ast::Expr::Identifier(name) = expr {
            let named = plan.columns.iter().position(|(column, _)| column.eq_ignore_ascii_case(&name.value));
            if let Some(named) = named {
                return Ok(plan.outputs[named].clone());
            }
        }
        let typed = self.binder.value(expr)?;
        let Expr::Literal(Value::BigInt(number)) = typed.expr else { return Ok(typed.expr) };
        let place = usize::try_from(number).ok().and_then(|n| plan.outputs.get(n.checked_sub(1)?));
        place.cloned().ok_or_else(|| {
            SqlError::at_span(expr.span(), format!("the result has no column number {number}"))
        })
    }

    fn limit(&mut self, clause: &LimitClause, plan: &mut SelectPlan) -> Result<(), SqlError> {
        let (limit, offset) = match clause {
            LimitClause::LimitOffset { limit, offset, limit_by } if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|o| &o.value))
            }
            LimitClause::LimitOffset { .. } => return refuse(clause, "LIMIT BY is"),
            LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
        };
        plan.limit = limit.map(|expr| self.count(expr)).transpose()?;
        plan.offset = offset.map(|expr| self.count(expr)).transpose()?.unwrap_or(0);
        Ok(())
    }

    fn count(&mut self, expr: &ast::Expr) -> Result<usize, SqlError> {
        let value = match self.binder.value(expr)?.expr {
            Expr::Literal(value) => value.as_integer(),
            _ => None,
        };
        value
            .and_then(|v| usize::try_from(v).ok())
            .ok_or_else(|| SqlError::at_span(expr.span(), "expected a number of rows, from 0"))
    }

    /// Completes the plan: with groups if the query has any.
    fn group(mut self, select: &ast::Select, mut plan: SelectPlan) -> Result<SelectPlan, SqlError> {
        let mut keys = self.group_keys(&select.group_by, &plan)?;
        let having = select.having.as_ref().map(|expr| self.binder.condition(expr)).transpose()?;
        let aggregates = self.binder.aggregates.take().expect("aggregates were allowed by now");
        let is_grouped = !keys.is_empty() || !aggregates.is_empty() || having.is_some();
        match &select.distinct {
            None => {}
            // Distinct rows are the groups by all columns.
            Some(Distinct::Distinct) if !is_grouped => keys = plan.outputs.clone(),
            Some(_) => return refuse(select, "this use of DISTINCT is"),
        }
        if !is_grouped && keys.is_empty() {
            return Ok(plan);
        }
        let def = self.def;
        let regroup = |expr: Expr| {
            expr.regroup(&keys).map_err(|column| {
                let name = &def.columns[column].name;
                SqlError::at_span(
                    select.span(),
                    format!("{name} must stand in GROUP BY, or in an aggregate, to have one value"),
                )
            })
        };
        plan.outputs = plan.outputs.into_iter().map(&regroup).collect::<Result<_, _>>()?;
        for key in &mut plan.order {
            key.expr = regroup(key.expr.clone())?;
        }
        let having = having.map(&regroup).transpose()?;
        plan.grouping = Some(Grouping { keys, aggregates, having });
        Ok(plan)
    }

    fn group_keys(&mut self, group_by: &GroupByExpr, plan: &SelectPlan) -> Result<Vec<Expr>, SqlError> {
        let exprs = match group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            _ => return refuse(group_by, "this form of GROUP BY is"),
        };
        // A group's key is computed from a row, so no aggregate can stand in it.
        let aggregates = self.binder.aggregates.take();
        let keys = exprs
            .iter()
            .map(|expr| {
                let alias = match expr {
                    ast::Expr::Identifier(name) if self.def.column(&name.value).is_none() => {
                        plan.columns.iter().position(|(column, _)| column.eq_ignore_ascii_case(&name.value))
                    }
                    _ => None,
                };
                match alias {
                    Some(named) if !has_aggregate(&plan.outputs[named]) => Ok(plan.outputs[named].clone()),
                    _ => Ok(self.binder.value(expr)?.expr),
                }
            })
            .collect();
        self.binder.aggregates = aggregates;
        keys
    }
}

fn has_aggregate(expr: &Expr) -> bool {
    match expr {
        Expr::Aggregate(_) => true,
        Expr::Negate(of) => has_aggregate(of),
        Expr::Arithmetic { left, right, .. } => has_aggregate(left) || has_aggregate(right),
        _ => false,
    }
}

fn is_plain(options: &ast::WildcardAdditionalOptions) -> bool {
    let ast::WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
    } = options;
    opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
}

/// An alias as VoltDB shows it: upper case unless quoted.
fn fold(name: &ast::Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_uppercase() }
}
