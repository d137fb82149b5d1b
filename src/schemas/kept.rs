//! The registry that this node keeps: each change is a row in partition 0 before it is answered.

use super::{Answer, Request, SchemasError};
use crate::{
    calls::{self, CallError, binary, integer},
    gate::Refusal,
    node::shared::Shared,
    registry::{self, Change, Registry},
};
use parking_lot::RwLock;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Whether a schema goes with many others can take a second; so many are compared at a time, on threads
/// where nothing else waits.
const DECISIONS_MAX: usize = 2;
/// Somebody else's changes may come first so often.
const ATTEMPTS_MAX: u32 = 10;

/// See the module.
pub(super) struct Kept {
    /// Read when it is first asked for. Whoever decides has it to himself: nobody waits for him.
    known: RwLock<Option<Arc<Registry>>>,
    /// Changes are made one after the other.
    changing: Mutex<()>,
    deciding: Semaphore,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept { known: RwLock::default(), changing: Mutex::default(), deciding: Semaphore::new(DECISIONS_MAX) }
    }
}

impl Kept {
    pub(super) async fn answer(
        &self,
        shared: &Arc<Shared>,
        request: Request,
    ) -> Result<Answer, SchemasError> {
        let request = Arc::new(request);
        let _alone = match request.method.as_str() {
            "GET" => None,
            _ => Some(self.changing.lock().await),
        };
        for _ in 0..ATTEMPTS_MAX {
            let registry = self.known(shared).await?;
            let number = registry.changes() as i64;
            let decided = self.decide(registry, request.clone()).await?;
            let answer = Answer { status: decided.status, body: decided.body.into_bytes() };
            let Some(change) = decided.change else { return Ok(answer) };
            let kept = calls::one(shared, "@SchemaKeep", Some(0), |set| {
                set.put_i64(number).put_bytes(&change.to_bytes());
            });
            match kept.await {
                Ok(_) => {
                    self.apply(number, &[change])?;
                    return Ok(answer);
                }
                // The number is taken, unless it is another failure.
                Err(error @ CallError::Failed { .. }) if self.catch_up(shared).await? == 0 => {
                    return Err(error.into());
                }
                Err(CallError::Failed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallError::from(Refusal::Busy).into())
    }

    async fn decide(
        &self,
        registry: Arc<Registry>,
        request: Arc<Request>,
    ) -> Result<registry::Answer, SchemasError> {
        let _room = self.deciding.acquire().await.expect("it is never closed");
        let decided = tokio::task::spawn_blocking(move || {
            registry.decide(&request.method, &request.path, &request.query, &request.body)
        });
        // A decision that panics is the registry's bug, and one request's failure.
        decided.await.map_err(|error| SchemasError::Damaged(error.to_string()))
    }

    async fn known(&self, shared: &Arc<Shared>) -> Result<Arc<Registry>, SchemasError> {
        let known = self.known.read().clone();
        if let Some(registry) = known {
            return Ok(registry);
        }
        self.catch_up(shared).await?;
        Ok(self.known.read().clone().unwrap_or_default())
    }

    /// Reads the changes that are not known yet: how many there were.
    async fn catch_up(&self, shared: &Arc<Shared>) -> Result<usize, SchemasError> {
        let mut count = 0;
        loop {
            let from = self.known.read().as_ref().map_or(0, |registry| registry.changes()) as i64;
            let page = calls::one(shared, "@SchemaChanges", Some(0), |set| {
                set.put_i64(from);
            });
            let rows = page.await?.rows(0);
            let first = rows.first().map(|row| integer(&row[0]));
            let changes: Result<Vec<Change>, _> =
                rows.iter().map(|row| Change::of_bytes(binary(&row[1]).unwrap_or_default())).collect();
            let changes = changes.map_err(|error| SchemasError::Damaged(error.to_string()))?;
            self.apply(first.unwrap_or(from), &changes)?;
            count += changes.len();
            if changes.is_empty() {
                return Ok(count);
            }
        }
    }

    /// Makes changes in order, unless somebody else did: two may read the same at once.
    fn apply(&self, first: i64, changes: &[Change]) -> Result<(), SchemasError> {
        let mut known = self.known.write();
        let registry = known.get_or_insert_default();
        if registry.changes() as i64 != first {
            return Ok(());
        }
        // Copied only if somebody decides at this moment.
        let registry = Arc::make_mut(registry);
        for change in changes {
            registry.apply(change).map_err(|error| SchemasError::Damaged(error.to_string()))?;
        }
        Ok(())
    }
}
