//! How long the records of logs are kept: what is older than a topic's retention, or beyond its size, goes;
//! in compacted topics, what a later record of the same key has taken the place of.

use super::{
    compacting,
    front::KafkaFront,
    topics::{Content, Topic},
};
use crate::{
    calls::{self, CallError},
    clock,
};
use std::{sync::Arc, time::Duration};

/// How often each log is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Compaction reads whole logs: only every so many looks.
const COMPACT_EVERY: u64 = 5;

/// Looks at the logs for as long as it is polled.
pub(super) async fn run(front: &Arc<KafkaFront>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for look in 0_u64.. {
        every.tick().await;
        for topic in front.topics.all() {
            let mut kept = keep(front, &topic).await;
            if look.is_multiple_of(COMPACT_EVERY) && kept.is_ok() {
                kept = compact(front, &topic).await;
            }
            if let Err(error) = kept {
                tracing::debug!(topic = topic.name, %error, "old records were not deleted this time");
            }
        }
    }
}

async fn compact(front: &Arc<KafkaFront>, topic: &Topic) -> Result<(), CallError> {
    let (delete_retention_ms, lag_ms) = {
        let settings = topic.settings.read();
        if !settings.compacts() {
            return Ok(());
        }
        (settings.delete_retention_ms(), settings.compaction_lag_ms())
    };
    let now_ms = clock::wall_us() / 1000;
    // Without a lag everything may go, records from a producer whose clock is ahead, too.
    let before_ms = if lag_ms == 0 { i64::MAX } else { now_ms - lag_ms };
    for part in 0..topic.partitions {
        if topic.is_to_compact(part) {
            let deleted_before_ms = now_ms - delete_retention_ms;
            let gone = compacting::compact(front, topic, part, before_ms, deleted_before_ms).await?;
            if gone > 0 {
                tracing::debug!(topic = topic.name, part, gone, "compacted");
            }
        }
    }
    Ok(())
}

async fn keep(front: &Arc<KafkaFront>, topic: &Topic) -> Result<(), CallError> {
    if !matches!(topic.content, Content::Log { .. }) {
        return Ok(());
    }
    let (retention_ms, retention_bytes) = {
        let settings = topic.settings.read();
        (settings.retention_ms(), settings.retention_bytes())
    };
    if retention_ms.is_none() && retention_bytes.is_none() {
        return Ok(());
    }
    let before_us =
        retention_ms.map_or(i64::MIN + 1, |ms| clock::wall_us().saturating_sub(ms.saturating_mul(1000)));
    for part in 0..topic.partitions {
        // Of a log that nobody wrote to or read since the start nothing is known; it is looked at when it is.
        if topic.end(part).is_some_and(|end| end > 0) {
            trim(front, topic, part, 0, before_us, retention_bytes.unwrap_or(i64::MAX)).await?;
        }
    }
    Ok(())
}

/// Lets go of records before an offset, before a time, beyond a size; the first offset that is left.
pub(super) async fn trim(
    front: &KafkaFront,
    topic: &Topic,
    part: i32,
    before_offset: i64,
    before_us: i64,
    bytes_kept: i64,
) -> Result<i64, CallError> {
    let trimmed = calls::one(&front.shared, "@LogTrim", Some(front.home(part)), |set| {
        set.put_i64(topic.number()).put_i32(part).put_i64(before_offset);
        set.put_timestamp(before_us).put_i64(bytes_kept);
    });
    Ok(trimmed.await?.integers(0)[0])
}
