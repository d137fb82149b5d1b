//! `@SystemInformation([OVERVIEW | DEPLOYMENT | LICENSE])`: keys and values about each node and the cluster.

use super::{
    SystemError,
    facts::{ClusterFacts, NodeFacts},
    read_params,
    tables::{INTEGER, ResultTables, STRING},
};

/// What is asked for. Without a parameter, as the JDBC driver calls it, the overview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    Overview,
    Deployment,
    License,
}

impl Selector {
    /// `params`: the call's parameter set.
    pub fn read(params: &[u8]) -> Result<Selector, SystemError> {
        let params = read_params("@SystemInformation", params)?;
        let name = match params[..] {
            [] => return Ok(Selector::Overview),
            [param] => param.as_str().unwrap_or(param.type_name()),
            _ => return Err(SystemError::graceful("@SystemInformation takes one parameter at most")),
        };
        [
            ("OVERVIEW", Selector::Overview),
            ("DEPLOYMENT", Selector::Deployment),
            ("LICENSE", Selector::License),
        ]
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
        .map(|(_, selector)| selector)
        .ok_or_else(|| {
            SystemError::graceful(format!(
                "Invalid @SystemInformation selector {name}. Known here: OVERVIEW, DEPLOYMENT, LICENSE."
            ))
        })
    }
}

pub fn answer(selector: Selector, cluster: &ClusterFacts, now_ms: i64) -> ResultTables {
    match selector {
        Selector::Overview => overview(cluster, now_ms),
        Selector::Deployment => properties(deployment(cluster)),
        Selector::License => properties(vec![("type", "Apache-2.0".to_owned())]),
    }
}

fn overview(cluster: &ClusterFacts, now_ms: i64) -> ResultTables {
    let rows = cluster
        .nodes
        .iter()
        .flat_map(|node| facts_of(node, cluster, now_ms).into_iter().map(|fact| (node.host_id, fact)));
    let columns = [("HOST_ID", INTEGER), ("KEY", STRING), ("VALUE", STRING)];
    ResultTables::new().with(&columns, rows, |r, (host, (key, value))| {
        r.put_i32(host).put_str(key).put_str(&value);
    })
}

fn facts_of(node: &NodeFacts, cluster: &ClusterFacts, now_ms: i64) -> Vec<(&'static str, String)> {
    let full = cluster.partitions.iter().all(|p| p.replicas.len() > usize::from(cluster.k_factor));
    vec![
        ("HOSTNAME", node.hostname.clone()),
        ("IPADDRESS", node.ip_address.clone()),
        ("CLIENTINTERFACE", node.client_interface.clone()),
        ("CLIENTPORT", node.client_port.to_string()),
        ("ADMININTERFACE", node.client_interface.clone()),
        ("ADMINPORT", node.admin_port.to_string()),
        ("HTTPINTERFACE", node.client_interface.clone()),
        ("HTTPPORT", node.http_port.to_string()),
        ("INTERNALINTERFACE", node.client_interface.clone()),
        ("INTERNALPORT", node.internal_port.to_string()),
        ("PUBLICINTERFACE", String::new()),
        ("TOPICSPUBLICINTERFACE", String::new()),
        ("TOPICSPORT", node.kafka_port.to_string()),
        ("BUILDSTRING", node.build.clone()),
        ("VERSION", node.version.clone()),
        ("CLUSTERSTATE", node.state.clone()),
        ("CLUSTERSAFETY", if full { "FULL" } else { "REDUCED" }.to_owned()),
        ("INITIALIZED", "true".to_owned()),
        ("REPLICATIONROLE", "NONE".to_owned()),
        ("STARTTIME", cluster.start_ms.to_string()),
        ("CREATIONTIME", cluster.start_ms.to_string()),
        ("HOSTSTARTTIME", node.start_ms.to_string()),
        ("UPTIME", uptime(now_ms - node.start_ms)),
        ("LICENSE", "Apache-2.0".to_owned()),
        ("PLACEMENTGROUP", "0".to_owned()),
        ("PARTITIONGROUP", "0".to_owned()),
        ("VOLTDBROOT", node.data_dir.clone()),
        ("FULLCLUSTERSIZE", cluster.nodes.len().to_string()),
        ("CLUSTERID", cluster.cluster_id.to_string()),
        ("CPUCORES", node.cpu_threads.to_string()),
        ("CPUTHREADS", node.cpu_threads.to_string()),
        ("MEMORY", node.memory_kb.to_string()),
        ("KUBERNETES", "false".to_owned()),
    ]
}

/// Days, hours, minutes, seconds and milliseconds, as consoles show it.
fn uptime(ms: i64) -> String {
    let ms = ms.max(0);
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{} days {:02}:{minutes:02}:{seconds:02}.{ms:03}", hours / 24, hours % 24)
}

/// The Java bulk loader computes the number of partitions from the first three, which must be whole numbers.
fn deployment(cluster: &ClusterFacts) -> Vec<(&'static str, String)> {
    let nodes = cluster.nodes.len().max(1);
    let copies = usize::from(cluster.k_factor) + 1;
    let this = cluster.nodes.first();
    let data_dir = this.map_or(String::new(), |n| n.data_dir.clone());
    vec![
        ("hostcount", nodes.to_string()),
        ("sitesperhost", (cluster.partitions.len() * copies / nodes).to_string()),
        ("kfactor", cluster.k_factor.to_string()),
        ("voltdbroot", data_dir),
        ("httpenabled", this.is_some_and(|n| n.http_port != 0).to_string()),
        ("jsonenabled", this.is_some_and(|n| n.http_port != 0).to_string()),
        ("securityenabled", "false".to_owned()),
        ("snapshotenabled", "true".to_owned()),
        ("commandlogenabled", "true".to_owned()),
    ]
}

fn properties(rows: Vec<(&'static str, String)>) -> ResultTables {
    ResultTables::new().with(&[("PROPERTY", STRING), ("VALUE", STRING)], rows, |r, (property, value)| {
        r.put_str(property).put_str(&value);
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::testing::*, *};
    use crate::wire::volt::system::facts::PartitionFacts;

    fn cluster() -> ClusterFacts {
        let node = NodeFacts {
            host_id: 0,
            hostname: "north".into(),
            ip_address: "127.0.0.1".into(),
            data_dir: "data".into(),
            client_port: 21212,
            admin_port: 21211,
            http_port: 8080,
            version: "0.1.0".into(),
            start_ms: 1_000,
            state: "RUNNING".into(),
            ..NodeFacts::default()
        };
        let partitions = vec![PartitionFacts { leader: 0, replicas: vec![0] }; 4];
        ClusterFacts { nodes: vec![node], partitions, ..ClusterFacts::default() }
    }

    #[test]
    fn selectors() {
        let read = |values: &[&str]| Selector::read(&texts(values));
        assert_eq!(read(&[]), Ok(Selector::Overview));
        assert_eq!(read(&["deployment"]), Ok(Selector::Deployment));
        assert_eq!(read(&["License"]), Ok(Selector::License));
        assert!(read(&["MOON"]).unwrap_err().text.contains("MOON"));
        assert!(read(&["OVERVIEW", "2"]).is_err());
    }

    #[test]
    fn the_overview_has_what_clients_connect_by() {
        let rendered = render(&answer(Selector::Overview, &cluster(), 90_061_001 + 1_000));
        for line in [
            "HOST_ID | KEY | VALUE",
            "  0 | IPADDRESS | 127.0.0.1",
            "  0 | CLIENTPORT | 21212",
            "  0 | ADMINPORT | 21211",
            "  0 | CLIENTINTERFACE | ",
            "  0 | PUBLICINTERFACE | ",
            "  0 | HOSTNAME | north",
            "  0 | CLUSTERSTATE | RUNNING",
            "  0 | VERSION | 0.1.0",
            "  0 | UPTIME | 1 days 01:01:01.001",
        ] {
            assert!(rendered.lines().any(|l| l == line), "{line} in\n{rendered}");
        }
    }

    #[test]
    fn the_deployment_gives_the_number_of_partitions() {
        expect![[r#"
            PROPERTY | VALUE
              hostcount | 1
              sitesperhost | 4
              kfactor | 0
              voltdbroot | data
              httpenabled | true
              jsonenabled | true
              securityenabled | false
              snapshotenabled | true
              commandlogenabled | true
        "#]]
        .assert_eq(&render(&answer(Selector::Deployment, &cluster(), 0)));
    }
}
