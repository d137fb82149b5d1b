//! What the server knows of itself, as plain values: the input of every answer here. Lists that an answer
//! does not need may stay empty.

use tollgate_schema::types::Type;

/// The cluster, its nodes and who leads what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    pub cluster_id: u8,
    /// When the cluster was first started; equal on all nodes, told at login.
    pub start_ms: i64,
    /// The node that coordinates multi-partition transactions.
    pub coordinator: i32,
    /// Copies of each partition beyond the first.
    pub k_factor: u16,
    pub nodes: Vec<NodeFacts>,
    /// By partition number.
    pub partitions: Vec<PartitionFacts>,
}

/// Where one partition lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionFacts {
    /// Node that leads it.
    pub leader: i32,
    /// Nodes that hold it, the leader among them.
    pub replicas: Vec<i32>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    pub host_id: i32,
    pub hostname: String,
    /// Where clients reach it.
    pub ip_address: String,
    /// What its ports listen on; empty for all interfaces.
    pub client_interface: String,
    pub client_port: u16,
    pub admin_port: u16,
    pub http_port: u16,
    pub kafka_port: u16,
    pub internal_port: u16,
    /// Such as `1.2.3`.
    pub version: String,
    pub build: String,
    pub start_ms: i64,
    /// Such as `RUNNING` or `PAUSED`.
    pub state: String,
    pub cpu_threads: u32,
    pub memory_kb: u64,
    pub data_dir: String,
}

/// A procedure that clients can call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcedureInfo {
    pub name: String,
    pub read_only: bool,
    pub routing: Routing,
    pub params: Vec<ParamInfo>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamInfo {
    pub name: String,
    pub param_type: Type,
    pub array: bool,
}

/// Where a procedure runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// On the partition of the key in this parameter, from 0.
    Partitioned { parameter: usize },
    /// On the partition the caller names.
    Directed,
    /// On all partitions, as one transaction.
    Everywhere,
}

/// What `@Statistics` may be asked about this node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeStats {
    /// When these were gathered.
    pub now_ms: i64,
    pub host_id: i32,
    pub hostname: String,
    pub tables: Vec<TableStats>,
    pub indexes: Vec<IndexStats>,
    pub procedures: Vec<ProcedureStats>,
    pub initiators: Vec<InitiatorStats>,
    pub memory: MemoryStats,
    pub latency: Vec<LatencyStats>,
    pub connections: Vec<ConnectionStats>,
    pub limits: LimitStats,
    pub log: LogStats,
    pub cpu_percent: i64,
    pub executors: Vec<ExecutorStats>,
    pub ttl: Vec<TtlStats>,
    pub snapshots: Vec<SnapshotStats>,
}

/// One table, stream or view in one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    pub partition: u16,
    pub name: String,
    pub is_stream: bool,
    pub rows: u64,
    pub allocated_bytes: u64,
    pub fixed_bytes: u64,
    pub tail_bytes: u64,
}

/// One index in one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    pub partition: u16,
    pub name: String,
    pub table: String,
    pub is_unique: bool,
    pub is_ordered: bool,
    pub entries: u64,
    pub bytes: u64,
}

/// One procedure in one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcedureStats {
    pub partition: u16,
    pub name: String,
    pub calls: u64,
    /// Calls whose duration was measured.
    pub timed_calls: u64,
    pub min_ns: u64,
    pub max_ns: u64,
    /// Sum over the timed calls.
    pub total_ns: u64,
    pub result_bytes: SizeStats,
    pub parameter_bytes: SizeStats,
    pub aborts: u64,
    pub failures: u64,
    pub transactional: bool,
}

/// Smallest, largest and mean of a size in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizeStats {
    pub min: u32,
    pub max: u32,
    pub mean: u32,
}

/// One procedure as called over one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitiatorStats {
    pub connection_id: i64,
    pub hostname: String,
    pub procedure: String,
    pub calls: u64,
    pub mean_ms: u32,
    pub min_ms: u32,
    pub max_ms: u32,
    pub aborts: u64,
    pub failures: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    pub resident_bytes: u64,
    pub fixed_bytes: u64,
    pub allocated_bytes: u64,
    pub index_bytes: u64,
    pub tail_bytes: u64,
    pub rows: u64,
    pub physical_bytes: u64,
}

/// Round trips over an interval that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyStats {
    /// End of the interval.
    pub at_ms: i64,
    pub interval_ms: u32,
    pub calls: u64,
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub p99_9_us: u64,
    pub p99_99_us: u64,
    pub p99_999_us: u64,
    pub max_us: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    pub connection_id: i64,
    pub hostname: String,
    pub is_admin: bool,
    pub request_bytes_waiting: u64,
    pub responses_waiting: u64,
    pub calls_waiting: u64,
    pub bytes_read: u64,
    pub messages_read: u64,
    pub bytes_written: u64,
    pub messages_written: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitStats {
    pub files_max: u32,
    pub files_open: u32,
    pub connections_max: u32,
    pub connections_open: u32,
    pub connections_accepted: u32,
    pub connections_refused: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Appended, not yet durable.
    pub bytes_waiting: u64,
    pub calls_waiting: u64,
    pub segments: u32,
    pub segments_in_use: u32,
    pub sync_interval_ms: u32,
}

/// One partition's executor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExecutorStats {
    pub partition: u16,
    pub queue_depth: u32,
    pub polls: u64,
    pub mean_wait_us: u64,
    pub max_wait_us: u64,
    /// Times it had nothing to do, and how long.
    pub idle_count: u64,
    pub idle_percent: f64,
    pub mean_idle_us: u64,
    pub min_idle_us: u64,
    pub max_idle_us: u64,
    pub idle_deviation_us: u64,
}

/// Expiry in one table of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TtlStats {
    pub partition: u16,
    pub table: String,
    pub rows_deleted: u64,
    pub rows_deleted_last_round: u64,
    pub rows_remaining: u64,
    pub last_round_ms: i64,
}

/// A snapshot that was taken or is being taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotStats {
    pub table: String,
    pub path: String,
    pub file: String,
    pub name: String,
    pub transaction_id: i64,
    pub start_ms: i64,
    /// 0 while it is being taken.
    pub end_ms: i64,
    pub bytes: u64,
    pub succeeded: bool,
}
