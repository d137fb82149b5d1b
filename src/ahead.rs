//! Calls whose turn comes soon: what they will look at is asked of memory before they run, so that it is in
//! the cache by then. A call is looked at several times: the place of its key, then the newest rows there,
//! then what those lead to, then the group of a view that it will count, each as long before its turn as
//! memory takes to answer.
//!
//! Changes no answer. It never knows: what procedures do, beyond the tables they say they touch and what they
//! foresee.

use crate::{
    call::{Batch, Call, Form, PartitionId, Target},
    partition::Partition,
};
use tollgate_procedures::{
    Kind, Registry,
    registry::{ProcedureId, Registered},
};
use tollgate_schema::{
    catalog::TableId,
    codec::ParamReader,
    store::{GroupAhead, Store},
};

/// Calls before its turn that a call is looked at.
const KEY: usize = 12;
const ROWS: usize = 7;
const REST: usize = 4;
const GROUP: usize = 2;
const GROUP_STRINGS: usize = 1;
const _: () = assert!(PLACES > KEY && KEY > ROWS && ROWS > REST && REST > GROUP && GROUP > GROUP_STRINGS);

/// Calls that are known at a time.
const PLACES: usize = 16;

/// The calls of some batches, in turn, and what is known of those to come.
pub(crate) struct Ahead<'a, I> {
    registry: &'a Registry,
    calls: I,
    /// Calls that were looked at, and how many of them had their turn.
    known: usize,
    done: usize,
    places: [Upcoming<'a>; PLACES],
}

#[derive(Clone, Copy)]
struct Upcoming<'a> {
    procedure: ProcedureId,
    parameters: &'a [u8],
    /// The partition and the key, if the call looks at tables by its key.
    key: Option<(PartitionId, i64)>,
    group: Option<GroupAhead>,
}

impl<'a, I: Iterator<Item = (&'a Batch, &'a Call)>> Ahead<'a, I> {
    pub(crate) fn new(registry: &'a Registry, calls: I, partitions: &[Option<Partition>]) -> Ahead<'a, I> {
        let mut ahead = Ahead {
            registry,
            calls,
            known: 0,
            done: 0,
            places: [Upcoming { procedure: 0, parameters: &[], key: None, group: None }; PLACES],
        };
        // The first ones have no turns before theirs: all of them now.
        (0..KEY).for_each(|_| ahead.look_at_next(partitions));
        (0..ROWS).for_each(|at| ahead.ask(at, partitions, Store::prefetch_row));
        (0..REST).for_each(|at| ahead.ask_rest(at, partitions));
        (0..GROUP).for_each(|at| ahead.ask_group(at, partitions, Store::prefetch_group_row));
        ahead
    }

    /// A call's turn comes.
    #[inline]
    pub(crate) fn advance(&mut self, partitions: &[Option<Partition>]) {
        self.look_at_next(partitions);
        self.ask(self.done + ROWS, partitions, Store::prefetch_row);
        self.ask_rest(self.done + REST, partitions);
        self.ask_group(self.done + GROUP, partitions, Store::prefetch_group_row);
        self.ask_group(self.done + GROUP_STRINGS, partitions, Store::prefetch_group_strings);
        self.done += 1;
    }

    #[inline]
    fn look_at_next(&mut self, partitions: &[Option<Partition>]) {
        let Some((batch, call)) = self.calls.next() else { return };
        let key = key_of(self.registry.get(call.procedure), batch, call);
        let parameters = batch.parameters(call);
        self.places[self.known % PLACES] =
            Upcoming { procedure: call.procedure, parameters, key, group: None };
        self.known += 1;
        self.ask(self.known - 1, partitions, Store::prefetch);
    }

    /// Asks for something of each table that a call touches, if there is such a call.
    #[inline]
    fn ask(&self, at: usize, partitions: &[Option<Partition>], ask: impl Fn(&Store, TableId, i64)) {
        if at < self.known
            && let Upcoming { procedure, key: Some((partition, key)), .. } = self.places[at % PLACES]
            && let Some(store) = store_of(partitions, partition)
        {
            self.registry.get(procedure).touches.iter().for_each(|&table| ask(store, table, key));
        }
    }

    /// Asks for the rest, and for what can be foreseen now that the rows are here.
    #[inline]
    fn ask_rest(&mut self, at: usize, partitions: &[Option<Partition>]) {
        self.ask(at, partitions, Store::prefetch_rest);
        if at < self.known
            && let Upcoming { procedure, parameters, key: Some((partition, _)), .. } =
                self.places[at % PLACES]
            && let registered = self.registry.get(procedure)
            && let Some(foresee) = registered.procedure.foresee
            && let Some(store) = store_of(partitions, partition)
        {
            self.places[at % PLACES].group = foresee(store, registered.base, parameters);
        }
    }

    #[inline]
    fn ask_group(&self, at: usize, partitions: &[Option<Partition>], ask: impl Fn(&Store, GroupAhead)) {
        if at < self.known
            && let Upcoming { group: Some(group), key: Some((partition, _)), .. } = self.places[at % PLACES]
            && let Some(store) = store_of(partitions, partition)
        {
            ask(store, group);
        }
    }
}

#[inline]
fn store_of(partitions: &[Option<Partition>], id: PartitionId) -> Option<&Store> {
    Some(partitions.get(usize::from(id))?.as_ref()?.store())
}

#[inline]
fn key_of(registered: &Registered, batch: &Batch, call: &Call) -> Option<(PartitionId, i64)> {
    let (Kind::Single { parameter: 0 }, Target::Partition(id)) = (registered.procedure.kind, call.target)
    else {
        return None;
    };
    if registered.touches.is_empty() || call.form != Form::Parameters {
        return None;
    }
    let mut reader = ParamReader::new(batch.parameters(call)).ok()?;
    Some((id, reader.take_integer()?))
}
