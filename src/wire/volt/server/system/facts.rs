//! Facts of the cluster and of what can be called, gathered from what the node publishes.

use super::{front::Front, process};
use crate::{
    config::Config,
    node::{monitor, shared::Shared},
    wire::volt::system::facts::{ClusterFacts, NodeFacts, ParamInfo, PartitionFacts, ProcedureInfo, Routing},
};
use std::net::{IpAddr, SocketAddr};
use tollgate_procedures::{Kind, Registry, procedure::Procedure};

/// Who leads what. This node is alone, so it leads everything, or will in a moment.
pub(super) fn topology(front: &Front) -> ClusterFacts {
    let shared = &front.shared;
    let host = shared.host_id;
    let partition = PartitionFacts { leader: host, replicas: vec![host] };
    ClusterFacts {
        cluster_id: 0,
        start_ms: shared.cluster_start_ms,
        coordinator: host,
        k_factor: 0,
        nodes: vec![NodeFacts { host_id: host, ..NodeFacts::default() }],
        partitions: vec![partition; usize::from(shared.config.partitions)],
    }
}

/// Everything of the cluster, as one client sees it. `local`: the address that client connected to, for that
/// is one it can reach, whatever the node listens on.
pub(super) fn cluster(front: &Front, local: SocketAddr) -> ClusterFacts {
    ClusterFacts { nodes: vec![this_node(front, local)], ..topology(front) }
}

fn this_node(front: &Front, local: SocketAddr) -> NodeFacts {
    let shared: &Shared = &front.shared;
    let listen = shared.config.listen.volt.ip();
    let usage = monitor::usage(&shared.config.data_dir);
    let paused = shared.gate.is_paused();
    NodeFacts {
        host_id: shared.host_id,
        hostname: front.hostname.clone(),
        ip_address: local.ip().to_canonical().to_string(),
        client_interface: interface(listen),
        client_port: local.port(),
        // There is one port for everything: who looks for the administrators' finds it here.
        admin_port: local.port(),
        http_port: shared.addresses.get().map_or(0, |addresses| addresses.http.port()),
        kafka_port: shared.addresses.get().map_or(0, |addresses| addresses.kafka.port()),
        internal_port: 0,
        version: env!("CARGO_PKG_VERSION").to_string(),
        build: shared.build.to_string(),
        start_ms: shared.started_ms,
        state: if paused { "PAUSED" } else { "RUNNING" }.to_string(),
        cpu_threads: process::cpu_threads(),
        memory_kb: usage.machine_bytes / 1024,
        data_dir: shared.config.data_dir.display().to_string(),
    }
}

/// Empty for all interfaces.
fn interface(listen: IpAddr) -> String {
    if listen.is_unspecified() { String::new() } else { listen.to_string() }
}

/// What clients are shown: system procedures are not listed.
pub(super) fn procedures(registry: &Registry) -> Vec<ProcedureInfo> {
    let shown = registry.procedures().iter().filter(|p| !p.procedure.name.starts_with('@'));
    shown.map(|p| procedure_info(&p.procedure)).collect()
}

fn procedure_info(procedure: &Procedure) -> ProcedureInfo {
    let routing = match procedure.kind {
        Kind::Single { parameter } => Routing::Partitioned { parameter },
        Kind::Directed => Routing::Directed,
        // To clients it is the same: any node will do.
        Kind::Anywhere | Kind::Multi => Routing::Everywhere,
    };
    let param = |p: &tollgate_procedures::parameter::Parameter| ParamInfo {
        name: p.name.clone(),
        param_type: p.column_type,
        array: false,
    };
    ProcedureInfo {
        name: procedure.name.clone(),
        read_only: procedure.read_only,
        routing,
        params: procedure.parameters.iter().map(param).collect(),
    }
}

/// The configuration: name, value, description.
pub(super) fn settings(config: &Config) -> Vec<(String, String, String)> {
    let setting = |name: &str, value: String, meaning: &str| (name.to_string(), value, meaning.to_string());
    let durability = format!("{:?}", config.durability).to_lowercase();
    vec![
        setting("data_dir", config.data_dir.display().to_string(), "where the log and the snapshots are"),
        setting("partitions", config.partitions.to_string(), "fixed when the data directory is made"),
        setting("executors", config.executor_count().to_string(), "threads that run procedures"),
        setting("durability", durability, "what a reply waits for"),
        setting(
            "sync_interval_ms",
            config.sync_interval_ms.to_string(),
            "longest loss with durability async",
        ),
        setting("listen.volt", config.listen.volt.to_string(), "the port of VoltDB's clients"),
        setting("listen.http", config.listen.http.to_string(), "the port of HTTP"),
        setting("limits.connections", config.limits.connections.to_string(), "connections at once"),
        setting(
            "limits.memory_bytes",
            config.limits.memory_bytes.to_string(),
            "0: four fifths of the machine's",
        ),
        setting(
            "limits.disk_free_bytes",
            config.limits.disk_free_bytes.to_string(),
            "left alone on the disk",
        ),
        setting(
            "limits.stream_rows",
            config.limits.stream_rows.to_string(),
            "kept by a stream in a partition",
        ),
        setting("snapshot.log_bytes", config.snapshot.log_bytes.to_string(), "log growth between snapshots"),
        setting(
            "snapshot.bytes_per_second",
            config.snapshot.bytes_per_second.to_string(),
            "how fast snapshots are written; 0: no limit",
        ),
        setting("log.segment_bytes", config.log.segment_bytes.to_string(), "size of a file of the log"),
    ]
}
