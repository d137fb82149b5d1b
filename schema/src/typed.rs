//! What typed rows and handles need of whoever gives them a store.

use crate::{catalog::TableId, store::Store};

/// One partition's tables, for one transaction.
pub trait Access {
    fn store(&self) -> &Store;
    fn store_mut(&mut self) -> &mut Store;
    /// The first table of the procedure's schema.
    fn base(&self) -> TableId;
    /// The transaction's time, microseconds since 1970.
    fn now_us(&self) -> i64;
}
