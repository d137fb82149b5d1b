//! System procedures, whose names begin with `@`: answered by the front end, from what the node publishes and
//! from frozen views, never by an executor's turn. What is quick is answered at once, so that `@Ping` waits
//! for nothing; what waits or computes has a task of its own and a slot among [`Slots`].
//!
//! In reading order: [`front`], what all connections share; [`subscribers`], who is told of changes;
//! [`facts`] and [`stats`], what is gathered; [`operations`], what operators ask for; [`ad_hoc`], SQL. The
//! shapes of the answers are `wire::volt::system`.
//!
//! Runs on: net threads, and tokio's blocking threads for what is slow.

mod ad_hoc;
mod facts;
mod front;
mod one_call;
mod operations;
mod process;
mod slots;
mod stats;
mod subscribers;

pub use front::Front;

use super::writer::ConnectionSink;
use crate::{
    call::{Arrival, ReplySink},
    clock,
    node::connections::ConnectionFacts,
    wire::volt::{
        invocation::Invocation,
        response,
        status::Status,
        system::{
            ResultTables, SystemError, catalog, information, partition_keys,
            statistics::{self, Selector},
            subscribe,
        },
    },
};
use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc};
use subscribers::Subscriber;

/// The system procedures as one connection calls them.
pub(super) struct SystemCalls {
    caller: Caller,
    sink: Arc<ConnectionSink>,
}

/// Who calls.
struct Caller {
    front: Arc<Front>,
    /// The address it connected to.
    local: SocketAddr,
    /// `None`: a caller without a connection of this port, which nobody can tell of changes.
    subscriber: Option<Arc<Subscriber>>,
}

/// Answers one call of a caller without a connection of this port: with a response frame. `frame`: a frame's
/// body that was read as an invocation before.
pub(crate) async fn answer_alone(front: &Arc<Front>, local: SocketAddr, frame: Bytes) -> Vec<u8> {
    let Ok(call) = Invocation::read(&frame) else { return Vec::new() };
    let caller = Caller { front: front.clone(), local, subscriber: None };
    let outcome = match caller.begin(&call) {
        Answer::Now(outcome) => outcome,
        Answer::Later(slow) => slow.run(front, local, &frame).await,
    };
    written(call.handle, outcome)
}

/// What is answered at once, or what has to be waited for.
enum Answer {
    Now(Result<ResultTables, SystemError>),
    Later(Slow),
}

/// System procedures that wait for executors, compute, or touch a disk.
enum Slow {
    Statistics(statistics::Request),
    AdHoc,
    Quiesce,
    SnapshotSave,
}

impl SystemCalls {
    pub(super) fn new(
        front: Arc<Front>,
        sink: Arc<ConnectionSink>,
        client: Arc<ConnectionFacts>,
    ) -> SystemCalls {
        let subscriber = Some(front.subscribers.add(sink.clone()));
        SystemCalls { caller: Caller { front, local: client.local, subscriber }, sink }
    }

    /// Answers one call, perhaps later. `frame`: a frame's body that was read as an invocation before.
    pub(super) fn answer(&self, frame: Bytes, received_us: u64) {
        let Ok(call) = Invocation::read(&frame) else { return };
        let handle = call.handle;
        match self.caller.begin(&call) {
            Answer::Now(outcome) => self.sink.send(written(handle, outcome), &[Arrival::one(received_us)]),
            Answer::Later(slow) => {
                let (front, local, sink) = (self.caller.front.clone(), self.caller.local, self.sink.clone());
                tokio::spawn(async move {
                    let outcome = slow.run(&front, local, &frame).await;
                    sink.send(written(handle, outcome), &[Arrival::one(received_us)]);
                });
            }
        }
    }
}

impl Caller {
    fn begin(&self, call: &Invocation<'_>) -> Answer {
        let name = NAMES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(call.name));
        let Some((name, procedure)) = name else {
            return Answer::Now(Err(unknown(call.name)));
        };
        let outcome = match procedure {
            Known::Ping => Ok(ResultTables::new()),
            Known::Subscribe => subscribe::answer(call.params).inspect(|_| self.told(Subscriber::subscribe)),
            Known::Statistics => match statistics::Request::read(call.params) {
                Ok(request) if self.is_slow(request) => return Answer::Later(Slow::Statistics(request)),
                Ok(request) => Ok(self.statistics(request)),
                Err(error) => Err(error),
            },
            Known::SystemInformation => information::Selector::read(call.params).map(|selector| {
                let cluster = facts::cluster(&self.front, self.local);
                information::answer(selector, &cluster, clock::wall_us() / 1000)
            }),
            Known::SystemCatalog => catalog::Selector::read(call.params).map(|s| self.catalog(s)),
            Known::GetPartitionKeys => partition_keys::answer(call.params, self.front.shared.gate.ring()),
            Known::Pause => Ok(operations::pause(&self.front.shared, true)),
            Known::Resume => Ok(operations::pause(&self.front.shared, false)),
            Known::Slow(slow) => return Answer::Later(slow()),
            Known::Refused(why) => Err(SystemError::graceful(format!("{name}: {why}"))),
        };
        Answer::Now(outcome)
    }

    /// Whether executors have to be asked, or much is to be computed.
    fn is_slow(&self, request: statistics::Request) -> bool {
        match request.selector {
            Selector::Topo => request.flag,
            Selector::PartitionCount
            | Selector::Latency
            | Selector::LiveClients
            | Selector::Limits
            | Selector::IoStats => false,
            _ => true,
        }
    }

    fn told(&self, what: impl FnOnce(&Subscriber)) {
        if let Some(subscriber) = &self.subscriber {
            what(subscriber);
        }
    }

    fn statistics(&self, request: statistics::Request) -> ResultTables {
        let cluster = facts::cluster(&self.front, self.local);
        if request.selector == Selector::Topo {
            self.told(|subscriber| subscriber.was_told_topology(&cluster));
        }
        let stats = stats::gather(&self.front, request);
        statistics::answer(request, &cluster, self.front.shared.gate.ring(), &stats)
    }

    fn catalog(&self, selector: catalog::Selector) -> ResultTables {
        let shared = &self.front.shared;
        if selector == catalog::Selector::Procedures {
            self.told(|subscriber| subscriber.was_told_procedures(&self.front.procedures));
        }
        let settings = facts::settings(&shared.config);
        catalog::answer(selector, shared.gate.registry().catalog(), &self.front.procedures, &settings)
    }
}

impl Slow {
    /// `frame`: the call's, read before.
    async fn run(
        self,
        front: &Arc<Front>,
        local: SocketAddr,
        frame: &Bytes,
    ) -> Result<ResultTables, SystemError> {
        match self {
            Slow::Statistics(request) => {
                let front = front.clone();
                let slots = front.slots.clone();
                slots
                    .run(move || {
                        let cluster = facts::cluster(&front, local);
                        let stats = stats::gather(&front, request);
                        statistics::answer(request, &cluster, front.shared.gate.ring(), &stats)
                    })
                    .await
            }
            Slow::AdHoc => {
                let call = Invocation::read(frame).expect("it was read before");
                ad_hoc::answer(front, call.params, call.query_timeout_ms).await
            }
            Slow::Quiesce => operations::quiesce(front).await,
            Slow::SnapshotSave => operations::snapshot_save(front).await,
        }
    }
}

/// What a name means.
#[derive(Clone, Copy)]
enum Known {
    Ping,
    Subscribe,
    Statistics,
    SystemInformation,
    SystemCatalog,
    GetPartitionKeys,
    Pause,
    Resume,
    Slow(fn() -> Slow),
    /// VoltDB has it; why it is not here.
    Refused(&'static str),
}

const COMPILED_IN: &str =
    "schemas and procedures are compiled into the server: build it with yours and restart it";
const NO_PLANS: &str =
    "queries read one table from end to end, or one partition of it: there are no plans to explain";
const BY_SIGNAL: &str = "end the server by SIGTERM; it makes everything durable first";
const BY_ITSELF: &str = "snapshots are the server's own: it loads the newest when it starts";

const NAMES: [(&str, Known); 26] = [
    ("@Ping", Known::Ping),
    ("@Subscribe", Known::Subscribe),
    ("@Statistics", Known::Statistics),
    ("@SystemInformation", Known::SystemInformation),
    ("@SystemCatalog", Known::SystemCatalog),
    ("@GetPartitionKeys", Known::GetPartitionKeys),
    ("@AdHoc", Known::Slow(|| Slow::AdHoc)),
    ("@AdHocLarge", Known::Slow(|| Slow::AdHoc)),
    ("@Quiesce", Known::Slow(|| Slow::Quiesce)),
    ("@SnapshotSave", Known::Slow(|| Slow::SnapshotSave)),
    ("@Pause", Known::Pause),
    ("@Resume", Known::Resume),
    ("@Explain", Known::Refused(NO_PLANS)),
    ("@ExplainProc", Known::Refused(NO_PLANS)),
    ("@ExplainView", Known::Refused(NO_PLANS)),
    ("@UpdateClasses", Known::Refused(COMPILED_IN)),
    ("@UpdateApplicationCatalog", Known::Refused(COMPILED_IN)),
    ("@UpdateSettings", Known::Refused("settings are read from the configuration file at the start")),
    ("@UpdateLogging", Known::Refused("logging is set by the environment at the start")),
    ("@SnapshotRestore", Known::Refused(BY_ITSELF)),
    ("@SnapshotScan", Known::Refused(BY_ITSELF)),
    ("@SnapshotDelete", Known::Refused(BY_ITSELF)),
    ("@Shutdown", Known::Refused(BY_SIGNAL)),
    ("@PrepareShutdown", Known::Refused(BY_SIGNAL)),
    ("@StopNode", Known::Refused(BY_SIGNAL)),
    ("@SwapTables", Known::Refused("tables cannot be swapped")),
];

fn unknown(name: &str) -> SystemError {
    // An outside text as long as it likes is not repeated whole.
    let name: String = name.chars().take(100).collect();
    SystemError { status: Status::UnexpectedFailure, text: format!("Procedure {name} was not found") }
}

/// The response as a frame.
fn written(handle: i64, outcome: Result<ResultTables, SystemError>) -> Vec<u8> {
    let mut out = Vec::new();
    match &outcome {
        Ok(tables) => response::write_success(&mut out, handle, tables.tables()),
        Err(error) => response::write_failure(&mut out, handle, error.status, &error.text),
    }
    out
}
