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
use tollgate_procedures::{Kind, registry::Registered};
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

/// A call whose turn comes.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    registered: &'a Registered,
    parameters: &'a [u8],
    /// The partition and the key, if the call looks at tables by its key.
    key: Option<(PartitionId, i64)>,
    group: Option<GroupAhead>,
}

impl<'a> Turn<'a> {
    pub(crate) fn of_call(registered: &'a Registered, batch: &'a Batch, call: &Call) -> Turn<'a> {
        match (call.target, call.form) {
            (Target::Partition(id), Form::Parameters) => {
                Turn::in_partition(registered, id, batch.parameters(call))
            }
            _ => Turn { registered, parameters: &[], key: None, group: None },
        }
    }

    /// `parameters`: those of a call, or something else.
    #[inline]
    pub(crate) fn in_partition(
        registered: &'a Registered,
        id: PartitionId,
        parameters: &'a [u8],
    ) -> Turn<'a> {
        let looks =
            registered.procedure.kind == Kind::Single { parameter: 0 } && !registered.touches.is_empty();
        let key = looks.then(|| ParamReader::new(parameters).ok()?.take_integer()).flatten();
        Turn { registered, parameters, key: key.map(|key| (id, key)), group: None }
    }
}

/// Where the rows are that calls will look at.
pub(crate) trait Stores {
    fn store(&self, id: PartitionId) -> Option<&Store>;
}

impl Stores for [Option<Partition>] {
    #[inline]
    fn store(&self, id: PartitionId) -> Option<&Store> {
        Some(self.get(usize::from(id))?.as_ref()?.store())
    }
}

/// For calls of one partition.
impl Stores for Store {
    #[inline]
    fn store(&self, _id: PartitionId) -> Option<&Store> {
        Some(self)
    }
}

/// Some calls, in turn, and what is known of those to come.
pub(crate) struct Ahead<'a, I> {
    turns: I,
    /// Calls that were looked at, and how many of them had their turn.
    known: usize,
    done: usize,
    places: [Option<Turn<'a>>; PLACES],
}

impl<'a, I: Iterator<Item = Turn<'a>>> Ahead<'a, I> {
    pub(crate) fn new<S: Stores + ?Sized>(turns: I, stores: &S) -> Ahead<'a, I> {
        let mut ahead = Ahead { turns, known: 0, done: 0, places: [None; PLACES] };
        // The first ones have no turns before theirs: all of them now.
        (0..KEY).for_each(|_| ahead.look_at_next(stores));
        (0..ROWS).for_each(|at| ahead.ask(at, stores, Store::prefetch_row));
        (0..REST).for_each(|at| ahead.ask_rest(at, stores));
        (0..GROUP).for_each(|at| ahead.ask_group(at, stores, Store::prefetch_group_row));
        ahead
    }

    /// A call's turn comes.
    #[inline]
    pub(crate) fn advance<S: Stores + ?Sized>(&mut self, stores: &S) {
        self.look_at_next(stores);
        self.ask(self.done + ROWS, stores, Store::prefetch_row);
        self.ask_rest(self.done + REST, stores);
        self.ask_group(self.done + GROUP, stores, Store::prefetch_group_row);
        self.ask_group(self.done + GROUP_STRINGS, stores, Store::prefetch_group_strings);
        self.done += 1;
    }

    #[inline]
    fn look_at_next<S: Stores + ?Sized>(&mut self, stores: &S) {
        let Some(turn) = self.turns.next() else { return };
        self.places[self.known % PLACES] = Some(turn);
        self.known += 1;
        self.ask(self.known - 1, stores, Store::prefetch);
    }

    /// The call at that place, if there is one.
    #[inline]
    fn turn(&self, at: usize) -> Option<&Turn<'a>> {
        self.places[at % PLACES].as_ref().filter(|_| at < self.known)
    }

    /// Asks for something of each table that a call touches.
    #[inline]
    fn ask<S: Stores + ?Sized>(&self, at: usize, stores: &S, ask: impl Fn(&Store, TableId, i64)) {
        if let Some(&Turn { registered, key: Some((partition, key)), .. }) = self.turn(at)
            && let Some(store) = stores.store(partition)
        {
            registered.touches.iter().for_each(|&table| ask(store, table, key));
        }
    }

    /// Asks for the rest, and for what can be foreseen now that the rows are here.
    #[inline]
    fn ask_rest<S: Stores + ?Sized>(&mut self, at: usize, stores: &S) {
        self.ask(at, stores, Store::prefetch_rest);
        if let Some(&Turn { registered, parameters, key: Some((partition, _)), .. }) = self.turn(at)
            && let Some(foresee) = registered.procedure.foresee
            && let Some(store) = stores.store(partition)
            && let Some(place) = &mut self.places[at % PLACES]
        {
            place.group = foresee(store, registered.base, parameters);
        }
    }

    #[inline]
    fn ask_group<S: Stores + ?Sized>(&self, at: usize, stores: &S, ask: impl Fn(&Store, GroupAhead)) {
        if let Some(&Turn { group: Some(group), key: Some((partition, _)), .. }) = self.turn(at)
            && let Some(store) = stores.store(partition)
        {
            ask(store, group);
        }
    }
}
