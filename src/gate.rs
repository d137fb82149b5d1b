//! The door of the server: which procedure a name means, where a call runs, whether it may come in now. Every
//! front end goes through here, so that overload and limits are refused in one place, before the state
//! machine.
//!
//! Runs on: net threads. It never knows: a protocol.

use crate::{
    call::{Batch, Call, PartitionId, Target},
    limits,
    node::{
        desk::By,
        executor::{ExecutorDesk, Input},
    },
};
use parking_lot::RwLock;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;
use tollgate_procedures::{
    Kind, Registry,
    parameter::{FromParameter, ParameterError},
    registry::ProcedureId,
};
use tollgate_schema::{
    codec::{ParamReader, RawParam},
    ring::Ring,
    types::Type,
};

/// Why a call did not come in.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("Procedure {0} was not found")]
    UnknownProcedure(String),
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error("{0} is a directed procedure: call it through the all-partition call, or name a partition")]
    NeedsDestination(String),
    #[error("there is no partition {0}")]
    NoSuchPartition(i32),
    #[error("Server is paused and is available in read-only mode - please try again later. ({0})")]
    WritesRefused(String),
    #[error("partition {0} has no leader here; please try again")]
    NoLeader(PartitionId),
    #[error("the server is busy; please try again")]
    Busy,
    #[error("the server is shutting down")]
    Stopping,
}

/// See the module.
pub struct Gate {
    registry: Arc<Registry>,
    ring: Arc<Ring>,
    desks: Vec<Arc<ExecutorDesk>>,
    /// Why writes are refused, while they are.
    writes_refused: RwLock<Option<String>>,
    refusing: AtomicBool,
    /// An operator wants writes refused.
    paused: AtomicBool,
    stopping: AtomicBool,
    anywhere: AtomicUsize,
}

impl Gate {
    /// `desks`: each executor's. Partition p is owned by executor `p % executors`.
    pub fn new(registry: Arc<Registry>, ring: Arc<Ring>, desks: Vec<Arc<ExecutorDesk>>) -> Gate {
        Gate {
            registry,
            ring,
            desks,
            writes_refused: RwLock::new(None),
            refusing: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            anywhere: AtomicUsize::new(0),
        }
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The procedure of that name, if a client may call it and it may run now.
    #[inline]
    pub fn admit(&self, name: &str) -> Result<ProcedureId, Refusal> {
        let found = self.registry.find(name).filter(|&id| !self.registry.get(id).procedure.internal);
        self.admit_id(found.ok_or_else(|| Refusal::UnknownProcedure(name.to_string()))?)
    }

    /// The same for one of the server's own.
    ///
    /// # Panics
    /// If there is none: their names are written in this program.
    pub fn own(&self, name: &str) -> Result<ProcedureId, Refusal> {
        self.admit_id(self.registry.find(name).expect("a procedure of the server's own"))
    }

    /// The same, even while writes are refused: what it writes is little and lets go of much.
    ///
    /// # Panics
    /// As [`Gate::own`].
    pub fn own_in_need(&self, name: &str) -> ProcedureId {
        self.registry.find(name).expect("a procedure of the server's own")
    }

    /// The procedure, if it may run now.
    #[inline]
    pub fn admit_id(&self, id: ProcedureId) -> Result<ProcedureId, Refusal> {
        if self.is_refusing() && !self.registry.get(id).procedure.read_only {
            let reason = self.writes_refused.read().clone();
            let paused = || self.is_paused().then(|| "an operator paused it".to_string());
            return Err(reason.or_else(paused).map_or(Refusal::Busy, Refusal::WritesRefused));
        }
        Ok(id)
    }

    /// From now on writes are refused for this reason, or admitted again.
    pub fn refuse_writes(&self, reason: Option<String>) {
        let mut refused = self.writes_refused.write();
        self.refusing.store(reason.is_some() || self.is_paused(), Ordering::Relaxed);
        *refused = reason;
    }

    /// Writes are refused, whatever else there is to say, or no longer for this.
    pub fn pause(&self, pause: bool) {
        let refused = self.writes_refused.write();
        self.paused.store(pause, Ordering::Relaxed);
        self.refusing.store(pause || refused.is_some(), Ordering::Relaxed);
    }

    /// Whether an operator paused writes.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    #[inline]
    pub fn is_refusing(&self) -> bool {
        self.refusing.load(Ordering::Relaxed)
    }

    /// Why writes are refused, while they are.
    pub fn writes_refused(&self) -> Option<String> {
        self.writes_refused.read().clone()
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Where a call runs. `destination`: the partition the caller names.
    #[inline]
    pub fn target(
        &self,
        id: ProcedureId,
        parameters: &[u8],
        destination: Option<i32>,
    ) -> Result<Target, Refusal> {
        let procedure = &self.registry.get(id).procedure;
        match procedure.kind {
            Kind::Single { parameter } => {
                let key = &procedure.parameters[parameter];
                let mut reader = ParamReader::new(parameters).map_err(ParameterError::from)?;
                for _ in 0..parameter {
                    reader.next_param().map_err(ParameterError::from)?;
                }
                let raw = reader.next_param().map_err(ParameterError::from)?;
                let Some(raw) = raw else {
                    let (expected, got) = (procedure.parameters.len(), reader.total());
                    return Err(ParameterError::count(&procedure.name, expected, got).into());
                };
                let partition = partition_of(&self.ring, key.column_type, &raw)
                    .map_err(|reason| ParameterError::value(&key.name, parameter, reason))?;
                Ok(Target::Partition(partition))
            }
            Kind::Directed => {
                let number = destination.ok_or_else(|| Refusal::NeedsDestination(procedure.name.clone()))?;
                let partition = u16::try_from(number).ok().filter(|&p| p < self.ring.partitions());
                partition.map(Target::Partition).ok_or(Refusal::NoSuchPartition(number))
            }
            Kind::Anywhere => {
                let turn = self.anywhere.fetch_add(1, Ordering::Relaxed);
                Ok(Target::Partition((turn % usize::from(self.ring.partitions())) as u16))
            }
            Kind::Multi => Ok(Target::All),
        }
    }

    /// The executor that has a partition.
    pub fn owner_of(&self, partition: PartitionId) -> usize {
        usize::from(partition) % self.desks.len()
    }

    /// The executor that a call goes to. Transactions over all partitions are coordinated by the first.
    pub fn executor_of(&self, call: &Call) -> usize {
        match call.target {
            Target::Partition(partition) => self.owner_of(partition),
            Target::All => 0,
        }
    }

    pub fn executors(&self) -> usize {
        self.desks.len()
    }

    /// How many inputs wait for each executor.
    pub fn queue_depths(&self) -> Vec<u32> {
        self.desks.iter().map(|desk| desk.waiting() as u32).collect()
    }

    /// Hands a batch over, waiting while the executor's queue is full: so a front end stops reading its
    /// socket.
    pub async fn submit(&self, executor: usize, batch: Batch, by: By) -> Result<(), Refusal> {
        let permit = self.desks[executor].room.acquire().await.map_err(|_| Refusal::Stopping)?;
        permit.forget();
        self.put(executor, Input::Calls(batch), by)
    }

    /// Something other than calls; takes no room.
    pub fn tell(&self, executor: usize, input: Input) -> Result<(), Refusal> {
        self.put(executor, input, By::Owner)
    }

    /// The same, by whomever there is.
    pub(crate) fn put(&self, executor: usize, input: Input, by: By) -> Result<(), Refusal> {
        if self.desks[executor].put(input, by) { Ok(()) } else { Err(Refusal::Stopping) }
    }
}

/// The partition that a key of this declared type belongs to; the key may come in any form that converts.
pub fn partition_of(ring: &Ring, key_type: Type, raw: &RawParam<'_>) -> Result<u16, String> {
    if let Some(key) = raw.as_integer().filter(|_| key_type.is_integer()) {
        return Ok(ring.partition_of_int(key));
    }
    match (key_type, raw) {
        (_, RawParam::Null) => Err("must not be NULL: it decides the partition".to_string()),
        // A key of an integer column may come as its eight little-endian bytes.
        (t, RawParam::Varbinary(bytes)) if t.is_integer() => match <[u8; 8]>::try_from(*bytes) {
            Ok(bytes) => Ok(ring.partition_of_int(i64::from_le_bytes(bytes))),
            Err(_) => Err(format!("{} bytes are not an integer key", bytes.len())),
        },
        (Type::Timestamp, _) => {
            tollgate_procedures::parameter::Timestamp::from_parameter(raw).map(|t| ring.partition_of_int(t.0))
        }
        (t, _) if t.is_integer() => i64::from_parameter(raw).map(|key| ring.partition_of_int(key)),
        (Type::Varchar { .. }, _) => {
            String::from_parameter(raw).map(|key| ring.partition_of_bytes(key.as_bytes()))
        }
        (Type::Varbinary { .. }, _) => {
            Vec::<u8>::from_parameter(raw).map(|key| ring.partition_of_bytes(&key))
        }
        (other, _) => Err(format!("{other} is no type for a partitioning key")),
    }
}

const _: () = assert!(limits::EXECUTOR_BATCHES_MAX <= Semaphore::MAX_PERMITS);
