//! A group as it is persisted, and its way back. Bytes that come back are believed nothing: each length is
//! held against its limit and against what is left before anything is taken.
//!
//! Version 1, numbers big-endian. `text` is a `u16` length and that many bytes of UTF-8; `blob` is a `u32`
//! length and that many bytes; `text?` is a `u8`, 0 for none or 1, and with 1 a `text`.
//!
//! | bytes | field |
//! |---|---|
//! | `u8` | version, 1 |
//! | `i32` | generation, at least 0 |
//! | `i32` | generations reserved up to here, at least the generation |
//! | `text` | protocol type |
//! | `text?` | protocol name; none exactly when there are no members |
//! | `text?` | leader's member id; none exactly when there are no members |
//! | `u32` | how many members, each of them as follows, in the order of their ids |
//! | `text` | member id |
//! | `text?` | instance id |
//! | `text` | client id |
//! | `text` | client host |
//! | `u32` | session timeout, milliseconds |
//! | `u32` | rebalance timeout, milliseconds |
//! | `blob` | metadata for the protocol chosen |
//! | `blob` | assignment |
//!
//! Nothing follows the last member.

use super::{
    error::StateError,
    group::{Group, Phase},
    limits,
    limits::GENERATIONS_RESERVED,
    member::Member,
};
use bytes::{Buf, BufMut, Bytes};

const VERSION: u8 = 1;

pub(super) fn write(group: &Group) -> Vec<u8> {
    // Never less than what another change, perhaps still on its way, reserves.
    let reserving = group.reserving.map_or(0, |(_, reserved)| reserved);
    let reserved = group.generation.saturating_add(GENERATIONS_RESERVED);
    let reserved = reserved.max(group.generation_reserved).max(reserving);
    let mut to = head(group, reserved);
    let protocol = group.protocol_name.as_deref();
    put_optional(&mut to, protocol);
    put_optional(&mut to, group.leader.as_deref());
    to.put_u32(group.members.len() as u32);
    for member in group.members.values() {
        put_text(&mut to, &member.id);
        put_optional(&mut to, member.instance_id.as_deref());
        put_text(&mut to, &member.client_id);
        put_text(&mut to, &member.client_host);
        to.put_u32(member.session_timeout_ms);
        to.put_u32(member.rebalance_timeout_ms);
        put_blob(&mut to, &member.metadata(protocol.unwrap_or_default()));
        put_blob(&mut to, &member.assignment);
    }
    to
}

/// The group without its members: nothing but the generations that may be told.
pub(super) fn write_reservation(group: &Group, reserved: i32) -> Vec<u8> {
    let mut to = head(group, reserved);
    put_optional(&mut to, None);
    put_optional(&mut to, None);
    to.put_u32(0);
    to
}

fn head(group: &Group, reserved: i32) -> Vec<u8> {
    let mut to = vec![VERSION];
    to.put_i32(group.generation);
    to.put_i32(reserved);
    put_text(&mut to, &group.protocol_type);
    to
}

/// Every text was held to its limit, far below 64 KiB, when it came in.
fn put_text(to: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= usize::from(u16::MAX));
    to.put_u16(text.len() as u16);
    to.put_slice(text.as_bytes());
}

fn put_optional(to: &mut Vec<u8>, text: Option<&str>) {
    to.put_u8(u8::from(text.is_some()));
    if let Some(text) = text {
        put_text(to, text);
    }
}

fn put_blob(to: &mut Vec<u8>, bytes: &[u8]) {
    to.put_u32(bytes.len() as u32);
    to.put_slice(bytes);
}

/// Brings a group back: its members' sessions begin now, their assignment is the one they have.
pub(super) fn read(id: &str, state: &[u8], now_ms: u64) -> Result<Group, StateError> {
    let mut from = Reader(state);
    let version = from.u8("version")?;
    if version != VERSION {
        return Err(StateError::Version(version));
    }
    let mut group = Group::new(id);
    group.generation = from.not_negative("generation")?;
    group.generation_reserved = from.not_negative("generation_reserved")?;
    if group.generation_reserved < group.generation {
        return Err(StateError::Inconsistent { field: "generation_reserved" });
    }
    group.generation_floor = group.generation_reserved.saturating_add(1);
    group.protocol_type = from.text("protocol_type", limits::PROTOCOL_NAME_BYTES_MAX)?;
    group.protocol_name = from.optional("protocol_name", limits::PROTOCOL_NAME_BYTES_MAX)?;
    group.leader = from.optional("leader", limits::MEMBER_ID_BYTES_MAX)?;
    let count = from.u32("members")?;
    from.within("members", count, limits::MEMBERS_MAX)?;
    let protocol = group.protocol_name.clone().unwrap_or_default();
    for _ in 0..count {
        let mut member = from.member(&protocol)?;
        member.alive(now_ms);
        if let Some(instance_id) = &member.instance_id
            && group.instances.insert(instance_id.clone(), member.id.clone()).is_some()
        {
            return Err(StateError::Duplicate { field: "instance_id" });
        }
        if group.members.insert(member.id.clone(), member).is_some() {
            return Err(StateError::Duplicate { field: "member_id" });
        }
    }
    if !from.0.is_empty() {
        return Err(StateError::Trailing { left: from.0.len() });
    }
    check(&group)?;
    group.phase = if group.members.is_empty() { Phase::Empty } else { Phase::Stable };
    Ok(group)
}

fn check(group: &Group) -> Result<(), StateError> {
    let empty = group.members.is_empty();
    if group.protocol_name.is_none() != empty || (!empty && group.protocol_type.is_empty()) {
        return Err(StateError::Inconsistent { field: "protocol_name" });
    }
    let leader_fits = match &group.leader {
        Some(leader) => group.members.contains_key(leader),
        None => empty,
    };
    if leader_fits { Ok(()) } else { Err(StateError::Inconsistent { field: "leader" }) }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], StateError> {
        let left = self.0.len();
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or(StateError::Truncated { field, needed: count, left })?;
        self.0 = rest;
        Ok(taken)
    }

    fn within(&self, field: &'static str, value: u32, most: usize) -> Result<usize, StateError> {
        let value = usize::try_from(value).unwrap_or(usize::MAX);
        if value > most { Err(StateError::TooLarge { field, value, most }) } else { Ok(value) }
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, StateError> {
        Ok(self.take(1, field)?.get_u8())
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, StateError> {
        Ok(self.take(4, field)?.get_u32())
    }

    fn not_negative(&mut self, field: &'static str) -> Result<i32, StateError> {
        let value = self.take(4, field)?.get_i32();
        if value < 0 { Err(StateError::Value { field, value: i64::from(value) }) } else { Ok(value) }
    }

    fn text(&mut self, field: &'static str, most: usize) -> Result<String, StateError> {
        let length = self.take(2, field)?.get_u16();
        let length = self.within(field, u32::from(length), most)?;
        let text = std::str::from_utf8(self.take(length, field)?);
        text.map(str::to_owned).map_err(|_| StateError::NotUtf8 { field })
    }

    fn optional(&mut self, field: &'static str, most: usize) -> Result<Option<String>, StateError> {
        match self.u8(field)? {
            0 => Ok(None),
            1 => self.text(field, most).map(Some),
            other => Err(StateError::Value { field, value: i64::from(other) }),
        }
    }

    fn blob(&mut self, field: &'static str, most: usize) -> Result<Bytes, StateError> {
        let length = self.u32(field)?;
        let length = self.within(field, length, most)?;
        Ok(Bytes::copy_from_slice(self.take(length, field)?))
    }

    fn member(&mut self, protocol: &str) -> Result<Member, StateError> {
        let id = self.text("member_id", limits::MEMBER_ID_BYTES_MAX)?;
        if id.is_empty() {
            return Err(StateError::Inconsistent { field: "member_id" });
        }
        Ok(Member {
            id,
            instance_id: self.optional("instance_id", limits::INSTANCE_ID_BYTES_MAX)?,
            client_id: self.text("client_id", limits::CLIENT_ID_BYTES_MAX)?,
            client_host: self.text("client_host", limits::CLIENT_HOST_BYTES_MAX)?,
            session_timeout_ms: self.u32("session_timeout_ms")?,
            rebalance_timeout_ms: self.u32("rebalance_timeout_ms")?,
            protocols: vec![(protocol.to_owned(), self.blob("metadata", limits::METADATA_BYTES_MAX)?)],
            assignment: self.blob("assignment", limits::ASSIGNMENT_BYTES_MAX)?,
            join_waiter: None,
            sync_waiter: None,
            is_new: false,
            deadline_ms: 0,
        })
    }
}
