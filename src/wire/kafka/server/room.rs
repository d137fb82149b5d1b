//! Room for requests from the time they are read until they are answered: of one connection, and of all.
//! Whoever waits for it does not read its socket: the peer feels TCP push back.
//!
//! Nobody waits for anybody who waits: a connection holds room only for requests that are whole, and are
//! answered without more of it, or for the one that it is reading, which must come in a bounded time.
//! It never knows: what a request is.

use crate::limits;
use std::{io, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of all connections.
pub(super) struct SharedRoom(Arc<Semaphore>);

/// Of one connection.
pub(super) struct Room {
    own: Arc<Semaphore>,
    /// As much as is read at once anyway: small requests don't wait for other connections.
    small: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

/// Taken until it is dropped.
pub(super) struct Taken {
    _own: OwnedSemaphorePermit,
    _small_or_shared: OwnedSemaphorePermit,
}

impl Default for SharedRoom {
    fn default() -> SharedRoom {
        SharedRoom(Arc::new(Semaphore::new(limits::KAFKA_REQUEST_BYTES_MAX)))
    }
}

impl SharedRoom {
    pub(super) fn of_connection(&self) -> Room {
        Room {
            own: Arc::new(Semaphore::new(limits::KAFKA_FRAME_BYTES_MAX)),
            small: Arc::new(Semaphore::new(limits::READ_BYTES)),
            shared: self.0.clone(),
        }
    }
}

impl Room {
    /// Waits until there is room for a request of so many bytes.
    pub(super) async fn take(&self, bytes: usize) -> io::Result<Taken> {
        let permits = u32::try_from(bytes).map_err(io::Error::other)?;
        let own = self.own.clone().acquire_many_owned(permits).await.map_err(io::Error::other)?;
        let small_or_shared = match self.small.clone().try_acquire_many_owned(permits) {
            Ok(small) => small,
            Err(_) => self.shared.clone().acquire_many_owned(permits).await.map_err(io::Error::other)?,
        };
        Ok(Taken { _own: own, _small_or_shared: small_or_shared })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    /// Whether there is room at once.
    fn try_take(room: &Room, bytes: usize) -> Option<Taken> {
        match pin!(room.take(bytes)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Some(taken.expect("nobody closes it")),
            Poll::Pending => None,
        }
    }

    #[test]
    fn small_requests_do_not_wait_for_others() {
        let all = SharedRoom::default();
        let others: Vec<Room> = (0..limits::KAFKA_REQUEST_BYTES_MAX / limits::KAFKA_FRAME_BYTES_MAX)
            .map(|_| all.of_connection())
            .collect();
        let mut full: Vec<_> =
            others.iter().map(|room| try_take(room, limits::KAFKA_FRAME_BYTES_MAX).expect("room")).collect();
        let room = all.of_connection();
        let small = try_take(&room, limits::READ_BYTES - 1).expect("that much is always there");
        assert!(try_take(&room, 2).is_none(), "but not more");
        drop(small);
        assert!(try_take(&room, limits::READ_BYTES + 1).is_none());
        full.pop();
        let most =
            try_take(&room, limits::KAFKA_FRAME_BYTES_MAX).expect("the greatest fits when one is gone");
        assert!(try_take(&room, 1).is_none(), "one connection has no more than that");
        drop(most);
        assert!(try_take(&room, 1).is_some());
    }

    /// A sum beside it, over many connections whose requests come and go.
    #[test]
    fn no_more_is_taken_than_there_is() {
        let mut random = SmallRng::seed_from_u64(11);
        let all = SharedRoom::default();
        let rooms: Vec<Room> = (0..40).map(|_| all.of_connection()).collect();
        let (mut held, mut refused) = (Vec::new(), 0);
        for _ in 0..20_000 {
            if random.random_range(0..100) < 48 && !held.is_empty() {
                held.swap_remove(random.random_range(0..held.len()));
                continue;
            }
            let connection = random.random_range(0..rooms.len());
            let shorter = random.random_range(0..16);
            let bytes = random.random_range(0..=limits::KAFKA_FRAME_BYTES_MAX >> shorter);
            match try_take(&rooms[connection], bytes) {
                Some(taken) => held.push((connection, bytes, taken)),
                None => refused += 1,
            }
            let sum: usize = held.iter().map(|(_, bytes, _)| bytes).sum();
            assert!(sum <= limits::KAFKA_REQUEST_BYTES_MAX + rooms.len() * limits::READ_BYTES);
        }
        assert!(refused > 100, "it was full {refused} times");
        held.clear();
        assert_eq!(all.0.available_permits(), limits::KAFKA_REQUEST_BYTES_MAX);
    }
}
