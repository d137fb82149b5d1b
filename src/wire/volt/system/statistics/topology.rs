//! TOPO: what a client needs to send each call to the node that leads its partition. PARTITIONCOUNT.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use tollgate_schema::ring::Ring;

use super::{int, prefixed};
use crate::wire::volt::system::{
    facts::{ClusterFacts, NodeStats},
    tables::{BINARY, INTEGER, ResultTables, STRING},
};

/// The number under which the coordinator of multi-partition transactions stands among the partitions.
const COORDINATOR_PARTITION: i32 = 16_383;

/// Leaders and replicas by partition, then the ring: raw, or as JSON compressed by gzip.
pub(super) fn topo(cluster: &ClusterFacts, ring: &Ring, json: bool) -> ResultTables {
    // A site is a node's share of a partition; the partition's own number serves as its name.
    let site = |node: i32, partition: usize| format!("{node}:{partition}");
    let mut rows: Vec<(i32, String, String)> = cluster
        .partitions
        .iter()
        .enumerate()
        .map(|(number, partition)| {
            let sites: Vec<_> = partition.replicas.iter().map(|node| site(*node, number)).collect();
            (int(number), sites.join(","), site(partition.leader, number))
        })
        .collect();
    let coordinator_site = cluster.partitions.len();
    let sites: Vec<_> = cluster.nodes.iter().map(|node| site(node.host_id, coordinator_site)).collect();
    rows.push((COORDINATOR_PARTITION, sites.join(","), site(cluster.coordinator, coordinator_site)));

    let config = if json { gzip(ring.json_config().as_bytes()) } else { ring.raw_config() };
    ResultTables::new()
        .with(&[("Partition", INTEGER), ("Sites", STRING), ("Leader", STRING)], rows, |r, row| {
            r.put_i32(row.0).put_str(&row.1).put_str(&row.2);
        })
        .with(&[("HASHTYPE", STRING), ("HASHCONFIG", BINARY)], [config], |r, config| {
            r.put_str("ELASTIC").put_bytes(&config);
        })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes all bytes");
    encoder.finish().expect("a Vec takes all bytes")
}

pub(super) fn partition_count(cluster: &ClusterFacts, stats: &NodeStats) -> ResultTables {
    prefixed(stats, &[("PARTITION_COUNT", INTEGER)], [cluster.partitions.len()], |r, count| {
        r.put_i32(int(count));
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use expect_test::expect;
    use tollgate_schema::value::Value;

    use super::{super::super::testing::*, *};
    use crate::wire::volt::system::facts::{NodeFacts, PartitionFacts};

    fn cluster() -> ClusterFacts {
        let node = |host_id| NodeFacts { host_id, ..NodeFacts::default() };
        let partition = |leader| PartitionFacts { leader, replicas: vec![0, 1] };
        ClusterFacts {
            coordinator: 1,
            nodes: vec![node(0), node(1)],
            partitions: vec![partition(0), partition(1)],
            ..ClusterFacts::default()
        }
    }

    #[test]
    fn leaders_replicas_and_the_ring() {
        let answer = topo(&cluster(), &Ring::new(2), false);
        expect![[r#"
            Partition | Sites | Leader
              0 | 0:0,1:0 | 0:0
              1 | 0:1,1:1 | 1:1
              16383 | 0:2,1:2 | 1:2
            HASHTYPE | HASHCONFIG
              ELASTIC | 131076 bytes
        "#]]
        .assert_eq(&render(&answer));
    }

    #[test]
    fn the_flag_gives_json() {
        let ring = Ring::new(2);
        let answer = topo(&cluster(), &ring, true);
        let table = answer.tables().iter().nth(1).unwrap().unwrap().to_values().unwrap();
        let Value::Varbinary(config) = &table[0][1] else { panic!("{table:?}") };
        let mut json = String::new();
        flate2::read::GzDecoder::new(&config[..]).read_to_string(&mut json).unwrap();
        let read: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(read.len(), 16_384);
        for (token, partition) in ring.tokens() {
            assert_eq!(read[&token.to_string()], partition);
        }
    }
}
