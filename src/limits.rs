//! Every bound of the server, with its reason. Overload is refused at the door, never inside the state
//! machine.

/// A request or a reply over the Volt port (VoltDB's limit).
pub const FRAME_BYTES_MAX: usize = 50 << 20;

/// Read from a socket in one go; what one read holds becomes one batch for the executor.
pub const READ_BYTES: usize = 64 << 10;

/// Reads from one socket in a row that fill the buffer and still run on the net thread. After that there is
/// more than it gets done: the executors' own threads take over. Handing calls to another core costs more
/// than a short backlog.
pub const FULL_READS_MAX: u32 = 2;

/// Calls that wait for an executor and are worth a wake-up of its own thread: fewer are done by whoever
/// brought them.
pub const CALLS_WORTH_A_WAKE: usize = 24;

/// Calls of one connection that wait for their reply. Then its socket is not read any more: the peer feels
/// TCP push back. Large enough that one pipelined connection keeps the log busy through a slow sync.
pub const CONNECTION_CALLS_MAX: u32 = 64 << 10;

/// Reply bytes of one connection that its peer has not taken yet. Then its socket is not read any more.
pub const CONNECTION_REPLY_BYTES_MAX: usize = 32 << 20;

/// A peer that takes no reply byte for this long is disconnected.
pub const REPLY_STALL_MAX_MS: u64 = 30_000;

/// A connection that has not logged in by then is closed.
pub const LOGIN_MAX_MS: u64 = 30_000;

/// Connections over the Volt port, unless the config says otherwise.
pub const CONNECTIONS_MAX: usize = 4_096;

/// Rows of a batch call, each a call of its own.
pub const BATCH_CALLS_MAX: usize = 16 << 10;

/// Batches waiting for an executor. A batch is at most [`READ_BYTES`] unless a single request is larger.
pub const EXECUTOR_BATCHES_MAX: usize = 256;

/// Inputs an executor takes before it cuts blocks: bounds the time a reply waits for its neighbours.
pub const INPUTS_PER_LOOP_MAX: usize = 64;

/// Calls an executor runs before it cuts blocks, but for the batch at hand: the same bound, for many small
/// batches.
pub const CALLS_PER_LOOP_MAX: usize = 768;

/// Log batches on their way to disk. Two: one is being synced while the next one is filled.
pub const LOG_BATCHES_IN_FLIGHT_MAX: usize = 2;

/// Effects in one block; the block is cut when it is reached, whatever the log is doing.
pub const BLOCK_EFFECT_BYTES_MAX: usize = 4 << 20;

/// A request over the Kafka port: a producer's batches for all partitions together.
pub const KAFKA_FRAME_BYTES_MAX: usize = 32 << 20;

/// Requests of all Kafka connections that are read or wait for their response, but for [`READ_BYTES`] of each
/// connection. Then larger ones are not read any more.
pub const KAFKA_REQUEST_BYTES_MAX: usize = 256 << 20;

/// How long a request that is larger than [`READ_BYTES`] may take to arrive once there is room for it: as
/// long as clients wait for an answer.
pub const KAFKA_REQUEST_MAX_MS: u64 = 30_000;

/// What the records of one batch become when they are decompressed: a few times what a batch may be that is
/// not compressed.
pub const KAFKA_PLAIN_BYTES_MAX: usize = 16 << 20;

/// Requests of one Kafka connection that wait for their response. Then its socket is not read any more.
pub const KAFKA_REQUESTS_MAX: usize = 64;

/// The throttle times that a Kafka producer is told: what is shorter is no reason to do anything, what is
/// longer has an empty queue wait for its producers.
pub const KAFKA_THROTTLE_MS: std::ops::RangeInclusive<u64> = 10..=1_000;

/// Records in one answer to a Kafka consumer, in bytes; the batch that is begun is not cut.
pub const KAFKA_FETCH_BYTES_MAX: usize = 8 << 20;

/// Facts of the Kafka port in one answer with metrics: what groups have read, then groups, then topics' ends.
/// The others are counted.
pub const KAFKA_LAGS_MAX: usize = 10_000;

/// How long an answer with metrics waits for them.
pub const KAFKA_LAGS_MAX_MS: u64 = 1_000;

/// Raft ticks.
pub const TICK_MS: u64 = 50;

/// A body over HTTP.
pub const HTTP_BODY_BYTES_MAX: usize = 2 << 20;

/// How long a body over HTTP may take to arrive.
pub const HTTP_BODY_MAX_MS: u64 = 10_000;

/// How long a request's head over HTTP may take, and how long a connection may idle between requests.
pub const HTTP_HEAD_MAX_MS: u64 = 60_000;

/// A request's line and headers over HTTP.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 << 10;

/// How long an HTTP call waits for room in the executor's queue before it is told that the server is busy.
pub const HTTP_ADMISSION_MAX_MS: u64 = 200;

/// An idempotency key.
pub const IDENTITY_BYTES_MAX: usize = 128;

/// Sessions that a partition knows, unless the config says otherwise; then the oldest makes room.
pub const SESSIONS_MAX: u64 = 250_000;

/// Old sessions deleted in each partition at each tick.
pub const SESSIONS_EXPIRED_PER_TICK_MAX: usize = 1_000;

/// Ad hoc queries and other slow system procedures that run at once, each on a thread of its own: they share
/// the processors with the executors.
pub const QUERIES_AT_ONCE_MAX: usize = 2;

/// Those that run or wait for their turn; the next is told that the server is busy.
pub const QUERIES_WAITING_MAX: usize = 256;

/// An ad hoc query reads this long at most; a caller may ask for less.
pub const QUERY_MAX_MS: u64 = 10_000;

/// How long `@Quiesce` waits for the log.
pub const QUIESCE_MAX_MS: u64 = 30_000;

/// Statements in one ad hoc text.
pub const QUERY_STATEMENTS_MAX: usize = 1_000;

/// Values for the `?` of an ad hoc statement.
pub const QUERY_PARAMETERS_MAX: usize = 1025;

/// Rows that `@AdHoc` or a stream read answers with.
pub const RESULT_ROWS_MAX: usize = 100_000;

const _: () = assert!(READ_BYTES <= FRAME_BYTES_MAX);
const _: () = assert!(HTTP_BODY_BYTES_MAX <= FRAME_BYTES_MAX);
const _: () = assert!(CONNECTION_REPLY_BYTES_MAX < FRAME_BYTES_MAX);
const _: () = assert!(KAFKA_FRAME_BYTES_MAX <= KAFKA_REQUEST_BYTES_MAX, "or the largest never fits");
const _: () = assert!(LOG_BATCHES_IN_FLIGHT_MAX >= 2, "or the executor idles while the disk syncs");
