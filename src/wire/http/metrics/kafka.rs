//! How far consumer groups lag, by the names that exporters for Kafka give it.

use super::exposition::{Exposition, Family};
use crate::{
    limits,
    wire::kafka::server::{
        KafkaFront,
        lags::{Committed, Lags},
    },
};
use std::time::Duration;

/// Nothing is told while partitions do not answer: the rest of the metrics must not wait for them.
pub(super) async fn read(front: &KafkaFront) -> Lags {
    let most = Duration::from_millis(limits::KAFKA_LAGS_MAX_MS);
    match tokio::time::timeout(most, front.lags()).await {
        Ok(Ok(lags)) => lags,
        Ok(Err(error)) => {
            tracing::debug!(error, "the metrics are without Kafka's groups");
            Lags::default()
        }
        Err(_) => {
            tracing::debug!("the metrics are without Kafka's groups: they were not told in time");
            Lags::default()
        }
    }
}

/// Nothing is shown of groups and topics that there are none of.
pub(super) fn write(out: &mut Exposition, lags: &Lags) {
    if !lags.groups.is_empty() {
        let mut members = out.gauge("kafka_consumergroup_members", "Members of a consumer group.");
        for facts in &lags.groups {
            members.sample(&[("consumergroup", &facts.group)], facts.members);
        }
    }
    if !lags.committed.is_empty() {
        let help = "Offset that a consumer group committed: of the next record it will read.";
        of_committed(out.gauge("kafka_consumergroup_current_offset", help), lags, |read| Some(read.offset));
        let help = "Records of a partition that a consumer group has not read.";
        of_committed(out.gauge("kafka_consumergroup_lag", help), lags, |read| read.lag);
    }
    if !lags.ends.is_empty() {
        let help = "Offset that the next record of a partition will get.";
        let mut offsets = out.gauge("kafka_topic_partition_current_offset", help);
        for end in &lags.ends {
            let partition = end.partition.to_string();
            offsets.sample(&[("topic", &end.topic), ("partition", &partition)], end.offset);
        }
    }
    if lags.left_out > 0 {
        let help = "Groups, their offsets and partitions' ends that are too many to be shown.";
        out.gauge("tollgate_kafka_facts_left_out", help).value(lags.left_out);
    }
}

fn of_committed(mut family: Family<'_>, lags: &Lags, value: fn(&Committed) -> Option<i64>) {
    for read in &lags.committed {
        let partition = read.partition.to_string();
        let labels =
            [("consumergroup", read.group.as_str()), ("topic", &read.topic), ("partition", &partition)];
        if let Some(value) = value(read) {
            family.sample(&labels, value);
        }
    }
}
