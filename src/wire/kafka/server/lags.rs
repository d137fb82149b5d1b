//! How far consumer groups have come, and how far the topics go: plain facts for whoever shows them. Bounded:
//! what does not fit is counted. It never knows: who shows them, and how.

use super::{front::KafkaFront, topics::Topic};
use crate::{
    calls::{CallError, Calls, integer, text},
    limits,
};
use std::{collections::BTreeSet, sync::Arc};

/// Partitions that are asked for their ends at a time.
const ASKED_AT_ONCE: usize = 256;

/// At a moment, by name.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Lags {
    pub(crate) groups: Vec<GroupFacts>,
    pub(crate) committed: Vec<Committed>,
    pub(crate) ends: Vec<End>,
    /// Facts beyond [`limits::KAFKA_LAGS_MAX`].
    pub(crate) left_out: u64,
}

#[derive(Debug, PartialEq)]
pub(crate) struct GroupFacts {
    pub(crate) group: String,
    pub(crate) members: usize,
}

/// What a group has read of a topic's partition.
#[derive(Debug, PartialEq)]
pub(crate) struct Committed {
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Records that it has not read, if it is known where the partition ends.
    pub(crate) lag: Option<i64>,
}

/// Where a topic's partition ends.
#[derive(Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl KafkaFront {
    /// Facts of topics that are there. Why not is text for a log.
    pub(crate) async fn lags(&self) -> Result<Lags, String> {
        self.read_lags().await.map_err(|error| error.to_string())
    }

    async fn read_lags(&self) -> Result<Lags, CallError> {
        let (mut committed, mut left_out) = self.committed().await?;
        let mut room = limits::KAFKA_LAGS_MAX;
        cut(&mut committed, &mut room, &mut left_out);
        let members = self.groups.members().into_iter();
        let mut groups: Vec<_> = members.map(|(group, members)| GroupFacts { group, members }).collect();
        cut(&mut groups, &mut room, &mut left_out);
        // Looked at after what groups have read, so that nobody is ahead of them.
        let places = self.places(&committed);
        left_out += places.len().saturating_sub(limits::KAFKA_LAGS_MAX) as u64;
        let places = &places[..places.len().min(limits::KAFKA_LAGS_MAX)];
        self.ask_unknown(places).await?;
        let end_of = |(topic, part): &(Arc<Topic>, i32)| {
            let offset = self.known_end(topic, *part)?;
            Some(End { topic: topic.name.clone(), partition: *part, offset })
        };
        let mut ends: Vec<End> = places.iter().filter_map(end_of).collect();
        ends.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        for read in &mut committed {
            let place = (&read.topic, read.partition);
            let end = ends.binary_search_by(|end| (&end.topic, end.partition).cmp(&place)).ok();
            // What a client committed may be any number.
            read.lag = end.map(|end| (ends[end].offset - read.offset.max(0)).max(0));
        }
        cut(&mut ends, &mut room, &mut left_out);
        Ok(Lags { groups, committed, ends, left_out })
    }

    /// What groups have read of topics that are there, and how many offsets were not looked at.
    async fn committed(&self) -> Result<(Vec<Committed>, u64), CallError> {
        let mut calls = Calls::new(&self.shared);
        for partition in 0..self.shared.config.partitions {
            calls.add("@GroupsOffsets", Some(partition), |set| {
                set.put_i32(limits::KAFKA_LAGS_MAX as i32);
            })?;
        }
        let (mut committed, mut unread) = (Vec::new(), 0);
        for answer in calls.run().await? {
            let tables = answer.tables()?;
            let rows = tables.rows(1);
            unread += (tables.integers(0)[0] as u64).saturating_sub(rows.len() as u64);
            let read = rows.iter().map(|row| Committed {
                group: text(&row[0]).to_string(),
                topic: text(&row[1]).to_string(),
                partition: integer(&row[2]) as i32,
                offset: integer(&row[3]),
                lag: None,
            });
            let is_there = |read: &Committed| {
                self.topics.named(&read.topic).is_some_and(|topic| topic.has(read.partition))
            };
            committed.extend(read.filter(is_there));
        }
        committed.sort_by(|a, b| (&a.group, &a.topic, a.partition).cmp(&(&b.group, &b.topic, b.partition)));
        Ok((committed, unread))
    }

    /// All topics' partitions, those that groups have read before the others.
    fn places(&self, committed: &[Committed]) -> Vec<(Arc<Topic>, i32)> {
        let read: BTreeSet<(&str, i32)> =
            committed.iter().map(|read| (read.topic.as_str(), read.partition)).collect();
        let all = self.topics.all().into_iter();
        let all = all.flat_map(|topic| (0..topic.partitions).map(move |part| (topic.clone(), part)));
        let (mut first, rest): (Vec<_>, Vec<_>) =
            all.partition(|(topic, part)| read.contains(&(topic.name.as_str(), *part)));
        first.extend(rest);
        first
    }

    /// Ends that nobody told since the start; from then on they are known.
    async fn ask_unknown(&self, places: &[(Arc<Topic>, i32)]) -> Result<(), CallError> {
        let is_unknown = |(topic, part): &&(Arc<Topic>, i32)| self.known_end(topic, *part).is_none();
        let unknown: Vec<_> = places.iter().filter(is_unknown).collect();
        for some in unknown.chunks(ASKED_AT_ONCE) {
            let mut calls = Calls::new(&self.shared);
            for (topic, part) in some {
                calls.add("@LogRead", Some(self.home(*part)), topic.log_bounds(*part))?;
            }
            for ((topic, part), answer) in some.iter().zip(calls.run().await?) {
                topic.tell_end(*part, answer.tables()?.integers(0)[1]);
            }
        }
        Ok(())
    }
}

/// Takes as much room as it needs and there is.
fn cut<T>(facts: &mut Vec<T>, room: &mut usize, left_out: &mut u64) {
    *left_out += facts.len().saturating_sub(*room) as u64;
    facts.truncate(*room);
    *room -= facts.len();
}
