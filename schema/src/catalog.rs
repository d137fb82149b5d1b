//! What a DDL text declares, once it is checked: the names, types and keys everything else goes by.
//! Knows nothing of SQL text (that is `ddl`) and nothing of rows' contents.

use crate::{row::Layout, types::Type, value::Value};

/// Position of a table, stream or view in [`Catalog::tables`]: one numbering for the three.
pub type TableId = u16;

/// What the names of the server's own tables begin with.
pub const INTERNAL_PREFIX: &str = "TOLLGATE_";

/// Everything declared, in the order of declaration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    pub tables: Vec<TableDef>,
    pub topics: Vec<TopicDef>,
    pub procedures: Vec<ProcedureDecl>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableDef {
    /// Upper case, as VoltDB folds names. Looked up without regard to case.
    pub name: String,
    pub columns: Vec<ColumnDef>,
    pub layout: Layout,
    pub kind: TableKind,
    /// `None`: replicated (a table) or unpartitioned (a stream).
    pub partition_column: Option<usize>,
    pub primary_key: Option<KeyDef>,
    /// Unique constraints other than the primary key.
    pub uniques: Vec<KeyDef>,
    pub indexes: Vec<IndexDef>,
    pub ttl: Option<Ttl>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TableKind {
    /// How its rows are kept is [`Organisation`].
    Table(Organisation),
    /// Insert-only, numbered by offset. `key`: columns of the message key. `topic`: where it is published.
    Stream {
        key: Vec<usize>,
        topic: Option<String>,
    },
    View(ViewDef),
}

/// How the rows of a table are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Organisation {
    /// By primary key, hashed.
    Keyed,
    /// No primary key, and an index that begins with the partitioning column followed by a TIMESTAMP column:
    /// the rows of one key lie together in time order. Both are column positions.
    History { key: usize, time: usize },
    /// Neither: rows in no order.
    Heap,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    /// Upper case.
    pub name: String,
    pub column_type: Type,
    pub nullable: bool,
    /// `Value::Null` when none was given.
    pub default: Value,
    /// DEFAULT NOW / CURRENT_TIMESTAMP: the transaction's time.
    pub default_now: bool,
    /// Kept for the procedures alone: not among the columns that clients insert, list or select by `*`.
    /// Hidden columns are the last ones, of fixed width, and have a default or may be NULL.
    pub hidden: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct KeyDef {
    /// Upper case; generated when the DDL gives none.
    pub name: String,
    pub columns: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexDef {
    pub name: String,
    pub columns: Vec<usize>,
    pub unique: bool,
}

/// `USING TTL n UNIT ON COLUMN c`: a row is expired when `column * unit_us < now - period_us`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ttl {
    pub period_us: i64,
    pub column: usize,
    /// What the column counts since 1970: microseconds if it is a TIMESTAMP, the clause's unit if an integer.
    pub unit_us: i64,
    /// Rows deleted in one go, per partition.
    pub batch_size: u32,
    /// Goes per second.
    pub max_frequency: u32,
}

/// `SELECT group…, aggregate… FROM source [WHERE …] GROUP BY group…`. The view's own columns are the groups,
/// then the aggregates, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewDef {
    pub source: TableId,
    pub groups: Vec<GroupExpr>,
    pub aggregates: Vec<Aggregate>,
    pub filter: Vec<Comparison>,
}

/// A grouping expression over the source's columns.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupExpr {
    Column(usize),
    /// `TRUNCATE(unit, column)`: the start of the calendar unit, UTC.
    Truncate {
        unit: TimeUnit,
        column: usize,
    },
    /// `TIME_WINDOW(unit, count, column [, START | END])`, aligned to the epoch, weeks to Monday.
    TimeWindow {
        unit: TimeUnit,
        count: u32,
        column: usize,
        end: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// An aggregate over a group's rows; the column is the source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    CountAll,
    Count(usize),
    CountDistinct(usize),
    Sum(usize),
    Min(usize),
    Max(usize),
}

/// `column op literal`; all of a filter's comparisons must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub column: usize,
    pub op: CompareOp,
    pub value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    IsNull,
    IsNotNull,
}

/// `CREATE TOPIC`, in either of VoltDB's dialects.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicDef {
    /// As written: topic names keep their case.
    pub name: String,
    pub source: TopicSource,
    pub profile: Option<String>,
    pub allow: Vec<String>,
    pub properties: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TopicSource {
    /// `USING STREAM`: the stream of the topic's own name.
    Stream(String),
    /// `EXECUTE PROCEDURE p`.
    Procedure(String),
    Opaque {
        partitioned: bool,
    },
}

/// `CREATE [DIRECTED] PROCEDURE`: what the DDL says of a procedure whose code is registered elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcedureDecl {
    pub name: String,
    pub directed: bool,
    /// `PARTITION ON TABLE t COLUMN c PARAMETER n`.
    pub partition: Option<PartitionClause>,
    pub allow: Vec<String>,
    /// `FROM CLASS x`.
    pub class: Option<String>,
    /// `AS sql`: the text.
    pub sql: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionClause {
    pub table: TableId,
    pub column: usize,
    pub parameter: usize,
}

impl Catalog {
    /// The table, stream or view of that name, in any case.
    pub fn find(&self, name: &str) -> Option<TableId> {
        self.tables.iter().position(|t| t.name.eq_ignore_ascii_case(name)).map(|i| i as TableId)
    }

    pub fn table(&self, id: TableId) -> &TableDef {
        &self.tables[id as usize]
    }
}

impl TableDef {
    /// The columns that clients know: all but the hidden ones, which are the last.
    pub fn visible(&self) -> &[ColumnDef] {
        let count = self.columns.iter().take_while(|column| !column.hidden).count();
        &self.columns[..count]
    }

    /// The column of that name, in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Whether it is the server's own: not told to clients, not theirs to write.
    pub fn is_internal(&self) -> bool {
        self.name.starts_with(INTERNAL_PREFIX)
    }

    pub fn is_stream(&self) -> bool {
        matches!(self.kind, TableKind::Stream { .. })
    }

    pub fn is_view(&self) -> bool {
        matches!(self.kind, TableKind::View(_))
    }
}
