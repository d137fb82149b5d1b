//! What a DDL statement says, as read: names are not looked up, rules not checked.

use super::Position;
use crate::{
    catalog::{CompareOp, TimeUnit},
    types::Type,
};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    CreateTable(CreateTable),
    PartitionTable { table: Name, column: Name },
    CreateIndex(CreateIndex),
    CreateStream(CreateStream),
    CreateView(CreateView),
    CreateTopic(CreateTopic),
    CreateProcedure(CreateProcedure),
    Drop(Drop),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CreateTable {
    pub(super) name: Name,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Key>,
    pub(super) ttl: Option<TtlClause>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: Name,
    pub(super) column_type: Type,
    pub(super) nullable: bool,
    pub(super) default: Option<Default>,
    /// `HIDDEN`: ours, not VoltDB's.
    pub(super) hidden: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Default {
    Literal(Literal),
    Now(Position),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Literal {
    pub(super) kind: LiteralKind,
    pub(super) at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum LiteralKind {
    Null,
    /// With its sign.
    Number(String),
    Text(String),
    Binary(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Primary,
    Unique,
    /// Held to be unique by the one who writes; checked only within a partition.
    AssumeUnique,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) kind: KeyKind,
    pub(super) name: Option<Name>,
    pub(super) columns: Vec<Name>,
    pub(super) at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct TtlClause {
    pub(super) period: u64,
    pub(super) unit_us: i64,
    pub(super) at: Position,
    pub(super) column: Name,
    pub(super) batch_size: u32,
    pub(super) max_frequency: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CreateIndex {
    pub(super) name: Name,
    pub(super) table: Name,
    pub(super) columns: Vec<Name>,
    /// `None`: not unique.
    pub(super) unique: Option<KeyKind>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CreateStream {
    pub(super) name: Name,
    pub(super) partition_column: Option<Name>,
    pub(super) topic: Option<ExportTopic>,
    pub(super) columns: Vec<Column>,
}

/// `EXPORT TO TOPIC t [WITH KEY (…) [VALUE (…)]]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExportTopic {
    pub(super) name: Name,
    pub(super) key: Vec<Name>,
    pub(super) value: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CreateView {
    pub(super) name: Name,
    /// Empty: named by the items.
    pub(super) column_names: Vec<Name>,
    pub(super) items: Vec<Item>,
    pub(super) source: Name,
    pub(super) source_alias: Option<Name>,
    pub(super) filter: Vec<Condition>,
    pub(super) groups: Vec<ItemExpr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) expr: ItemExpr,
    pub(super) alias: Option<Name>,
}

/// A column, qualified or not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ColumnRef {
    pub(super) table: Option<Name>,
    pub(super) column: Name,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ItemExpr {
    pub(super) kind: ItemKind,
    pub(super) at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ItemKind {
    Column(ColumnRef),
    Truncate { unit: TimeUnit, column: ColumnRef },
    TimeWindow { unit: TimeUnit, count: u32, column: ColumnRef, end: bool },
    CountAll,
    Count(ColumnRef),
    CountDistinct(ColumnRef),
    Sum(ColumnRef),
    Min(ColumnRef),
    Max(ColumnRef),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) column: ColumnRef,
    pub(super) op: CompareOp,
    /// NULL for the operators that take none.
    pub(super) literal: Literal,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CreateTopic {
    /// As written.
    pub(super) name: Name,
    pub(super) opaque: bool,
    pub(super) partitioned: bool,
    pub(super) using_stream: bool,
    pub(super) procedure: Option<Name>,
    pub(super) allow: Vec<String>,
    pub(super) profile: Option<String>,
    pub(super) keys: Vec<Name>,
    pub(super) properties: Vec<Property>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CreateProcedure {
    /// As written; the class's last part when none was given.
    pub(super) name: Name,
    pub(super) directed: bool,
    pub(super) partition: Option<PartitionOn>,
    pub(super) allow: Vec<String>,
    pub(super) class: Option<String>,
    pub(super) sql: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct PartitionOn {
    pub(super) table: Name,
    pub(super) column: Name,
    pub(super) parameter: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropKind {
    Table,
    View,
    Stream,
    Topic,
    Procedure,
    Index,
}

impl DropKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            DropKind::Table => "table",
            DropKind::View => "view",
            DropKind::Stream => "stream",
            DropKind::Topic => "topic",
            DropKind::Procedure => "procedure",
            DropKind::Index => "index",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drop {
    pub(super) kind: DropKind,
    pub(super) name: Name,
    pub(super) if_exists: bool,
    pub(super) cascade: bool,
}
