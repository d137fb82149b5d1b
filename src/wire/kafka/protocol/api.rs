//! The table of what is served: which API has which number, versions and messages. Never knows what they
//! mean.

use super::{error::ProtocolError, field::Field, reader::Reader, writer::Writer, *};

/// From and to, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub min: i16,
    pub max: i16,
}

impl Versions {
    pub fn contains(self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

macro_rules! apis {
    ($($api:ident = $key:literal, $min:literal..=$max:literal, flexible $flexible:expr,
        $module:ident { $request:ident, $response:ident };)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $($api = $key,)+
        }

        impl ApiKey {
            /// All that are served, by their number.
            pub const ALL: &[ApiKey] = &[$(ApiKey::$api,)+];

            pub fn of_key(key: i16) -> Option<ApiKey> {
                match key {
                    $($key => Some(ApiKey::$api),)+
                    _ => None,
                }
            }

            pub fn name(self) -> &'static str {
                match self {
                    $(ApiKey::$api => stringify!($api),)+
                }
            }

            /// What is answered by more than a refusal.
            pub fn served(self) -> Versions {
                match self {
                    $(ApiKey::$api => Versions { min: $min, max: $max },)+
                }
            }

            /// Since which version lengths are compact and structs end in tagged fields.
            fn flexible_from(self) -> Option<i16> {
                match self {
                    $(ApiKey::$api => $flexible,)+
                }
            }
        }

        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $($api($module::$request),)+
        }

        impl Request {
            /// Bytes behind the message are not looked at, as Kafka does not.
            pub fn read(api: ApiKey, reader: &mut Reader) -> Result<Request, ProtocolError> {
                match api {
                    $(ApiKey::$api => Field::read(reader).map(Request::$api),)+
                }
            }

            pub fn api(&self) -> ApiKey {
                match self {
                    $(Request::$api(_) => ApiKey::$api,)+
                }
            }

            /// For clients of other servers, and for tests.
            pub fn write(&self, version: i16, out: &mut Out) -> Result<(), ProtocolError> {
                let mut writer = Writer::new(out, version, self.api().is_flexible(version));
                match self {
                    $(Request::$api(request) => request.write(&mut writer),)+
                }
                writer.finish()
            }
        }

        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $($api($module::$response),)+
        }

        impl Response {
            /// For clients of other servers, and for tests.
            pub fn read(api: ApiKey, reader: &mut Reader) -> Result<Response, ProtocolError> {
                match api {
                    $(ApiKey::$api => Field::read(reader).map(Response::$api),)+
                }
            }

            pub fn api(&self) -> ApiKey {
                match self {
                    $(Response::$api(_) => ApiKey::$api,)+
                }
            }

            /// One with nothing in it.
            pub fn empty(api: ApiKey) -> Response {
                match api {
                    $(ApiKey::$api => Response::$api(Default::default()),)+
                }
            }

            /// Appends the body, without length and header.
            pub fn write(&self, version: i16, out: &mut Out) -> Result<(), ProtocolError> {
                let mut writer = Writer::new(out, version, self.api().is_flexible(version));
                match self {
                    $(Response::$api(response) => response.write(&mut writer),)+
                }
                writer.finish()
            }
        }
        $(
            impl From<$module::$response> for Response {
                fn from(response: $module::$response) -> Response {
                    Response::$api(response)
                }
            }
        )+
    };
}

apis! {
    Produce = 0, 3..=11, flexible Some(9),
        produce { ProduceRequest, ProduceResponse };
    Fetch = 1, 4..=17, flexible Some(12),
        fetch { FetchRequest, FetchResponse };
    ListOffsets = 2, 1..=9, flexible Some(6),
        list_offsets { ListOffsetsRequest, ListOffsetsResponse };
    Metadata = 3, 0..=13, flexible Some(9),
        metadata { MetadataRequest, MetadataResponse };
    OffsetCommit = 8, 2..=9, flexible Some(8),
        offset_commit { OffsetCommitRequest, OffsetCommitResponse };
    OffsetFetch = 9, 1..=9, flexible Some(6),
        offset_fetch { OffsetFetchRequest, OffsetFetchResponse };
    FindCoordinator = 10, 0..=4, flexible Some(3),
        find_coordinator { FindCoordinatorRequest, FindCoordinatorResponse };
    JoinGroup = 11, 0..=9, flexible Some(6),
        join_group { JoinGroupRequest, JoinGroupResponse };
    Heartbeat = 12, 0..=4, flexible Some(4),
        heartbeat { HeartbeatRequest, HeartbeatResponse };
    LeaveGroup = 13, 0..=5, flexible Some(4),
        leave_group { LeaveGroupRequest, LeaveGroupResponse };
    SyncGroup = 14, 0..=5, flexible Some(4),
        sync_group { SyncGroupRequest, SyncGroupResponse };
    DescribeGroups = 15, 0..=5, flexible Some(5),
        describe_groups { DescribeGroupsRequest, DescribeGroupsResponse };
    ListGroups = 16, 0..=5, flexible Some(3),
        list_groups { ListGroupsRequest, ListGroupsResponse };
    SaslHandshake = 17, 0..=1, flexible None,
        sasl_handshake { SaslHandshakeRequest, SaslHandshakeResponse };
    ApiVersions = 18, 0..=4, flexible Some(3),
        api_versions { ApiVersionsRequest, ApiVersionsResponse };
    CreateTopics = 19, 2..=7, flexible Some(5),
        create_topics { CreateTopicsRequest, CreateTopicsResponse };
    DeleteTopics = 20, 1..=6, flexible Some(4),
        delete_topics { DeleteTopicsRequest, DeleteTopicsResponse };
    DeleteRecords = 21, 0..=2, flexible Some(2),
        delete_records { DeleteRecordsRequest, DeleteRecordsResponse };
    InitProducerId = 22, 0..=5, flexible Some(2),
        init_producer_id { InitProducerIdRequest, InitProducerIdResponse };
    OffsetForLeaderEpoch = 23, 2..=4, flexible Some(4),
        offset_for_leader_epoch { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse };
    DescribeAcls = 29, 1..=3, flexible Some(2),
        describe_acls { DescribeAclsRequest, DescribeAclsResponse };
    DescribeConfigs = 32, 1..=4, flexible Some(4),
        describe_configs { DescribeConfigsRequest, DescribeConfigsResponse };
    AlterConfigs = 33, 0..=2, flexible Some(2),
        alter_configs { AlterConfigsRequest, AlterConfigsResponse };
    DescribeLogDirs = 35, 1..=4, flexible Some(2),
        describe_log_dirs { DescribeLogDirsRequest, DescribeLogDirsResponse };
    SaslAuthenticate = 36, 0..=2, flexible Some(2),
        sasl_authenticate { SaslAuthenticateRequest, SaslAuthenticateResponse };
    CreatePartitions = 37, 0..=3, flexible Some(2),
        create_partitions { CreatePartitionsRequest, CreatePartitionsResponse };
    DeleteGroups = 42, 0..=2, flexible Some(2),
        delete_groups { DeleteGroupsRequest, DeleteGroupsResponse };
    IncrementalAlterConfigs = 44, 0..=1, flexible Some(1),
        incremental_alter_configs { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse };
    OffsetDelete = 47, 0..=0, flexible None,
        offset_delete { OffsetDeleteRequest, OffsetDeleteResponse };
    DescribeCluster = 60, 0..=2, flexible Some(0),
        describe_cluster { DescribeClusterRequest, DescribeClusterResponse };
}

impl ApiKey {
    pub fn key(self) -> i16 {
        self as i16
    }

    /// What the answer to `ApiVersions` says. Kafka itself tells Produce from 0 on, though it serves no
    /// version before 3: a widespread client takes a server that lacks 0 for one that understands no
    /// compression.
    pub fn advertised(self) -> Versions {
        match self {
            ApiKey::Produce => Versions { min: 0, ..self.served() },
            _ => self.served(),
        }
    }

    pub fn is_flexible(self, version: i16) -> bool {
        self.flexible_from().is_some_and(|from| version >= from)
    }

    /// Version 2 has tagged fields, version 1 has none.
    pub fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// Version 1 has tagged fields, version 0 has none. A client that asks for versions cannot know yet which
    /// header it would understand.
    pub fn response_header_version(self, version: i16) -> i16 {
        i16::from(self != ApiKey::ApiVersions && self.is_flexible(version))
    }
}
