//! The topics of an export: those that are missing are made, their schemas are registered, and each partition
//! of a stream is told where its rows go.

use super::{
    calls::Caller,
    config::ExportConfig,
    lane::Lane,
    target::{self, Producer, Wanted},
    trouble::Trouble,
};
use rdkafka::producer::Producer as _;

/// What is known of an export's topics.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// All of them were there once, so none is made.
    were_there: bool,
}

impl Topics {
    /// Tells each lane which partition of its topic its rows go to. `memory`: a compacted topic of one
    /// partition that has to be there, too.
    pub(super) fn find(
        &mut self,
        export: &ExportConfig,
        caller: &Caller,
        producer: &Producer,
        lanes: &mut [Lane],
        memory: Option<&str>,
    ) -> Result<(), Trouble> {
        let partitions = i32::from(caller.shared.config.partitions);
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        for lane in lanes.iter() {
            if wanted.iter().all(|wanted| wanted.name != lane.facts.topic) {
                wanted.push(Wanted { name: &lane.facts.topic, partitions, is_compacted: false });
            }
        }
        wanted.extend(memory.map(|name| Wanted { name, partitions: 1, is_compacted: true }));
        let reason = match std::mem::take(&mut self.were_there) {
            true => None,
            false => target::make_topics(caller, &target::config(export), &wanted)?,
        };
        let mut counts: Vec<(String, i32)> = Vec::new();
        for name in wanted.iter().map(|wanted| wanted.name) {
            let count = target::partitions_of(producer.client(), name);
            let count = count.map_err(|trouble| match (trouble, &reason) {
                (Trouble::NoTopic(topic), Some(reason)) => Trouble::NotMade(reason.clone(), topic),
                (trouble, _) => trouble,
            })?;
            counts.push((name.to_string(), count));
        }
        for lane in lanes {
            let found = counts.iter().find(|(name, _)| *name == lane.facts.topic);
            let (_, count) = found.expect("it was wanted");
            lane.target_partition = i32::from(lane.facts.partition) % count;
            lane.register_schemas(caller)?;
            lane.facts.runs();
        }
        self.were_there = true;
        Ok(())
    }
}
