//! From a request to what it does.

use super::{
    admin, commits, configs,
    connection::Due,
    fetch,
    front::KafkaFront,
    groups,
    login::Login,
    metadata::{self, Address},
    offsets, produce,
};
use crate::wire::kafka::protocol::{
    ApiKey, ErrorCode, Out, Reader, Request, RequestHead, Response,
    api_versions::ApiVersionsResponse,
    describe_acls::DescribeAclsResponse,
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
    write_response,
};
use std::{io, net::IpAddr, sync::Arc};

/// One connection's own.
pub(super) struct Session {
    pub(super) front: Arc<KafkaFront>,
    /// What the client is told of where this node is.
    pub(super) address: Address,
    pub(super) client: IpAddr,
    pub(super) login: Login,
}

/// Begins a request: what must keep the order of requests is done now, the rest when its response is due. An
/// error ends the connection.
pub(super) async fn begin(session: &mut Session, head: RequestHead, mut body: Reader) -> io::Result<Due> {
    let broken = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    if !session.login.allows(head.api) {
        return Err(broken(format!("{} before the login", head.api.name())));
    }
    if head.api == ApiKey::Produce && !head.api.served().contains(head.version) {
        // Advertised for clients that look for it; none of them sends it.
        return Err(broken(format!("Produce version {} is not served", head.version)));
    }
    let request = Request::read(head.api, &mut body);
    let request = request.map_err(|error| broken(format!("{}: {error}", head.api.name())))?;
    Ok(match request {
        Request::SaslHandshake(request) => {
            Due::Now(written(&head, session.handshake(&request, head.version).into())?)
        }
        Request::SaslAuthenticate(request) => {
            let response = session.authenticate(&request).await;
            let is_refused = response.error.is_error();
            let response = written(&head, response.into())?;
            if is_refused { Due::Last(response) } else { Due::Now(response) }
        }
        Request::Produce(request) => {
            let produced = produce::start(&session.front, request).await;
            Due::Later(Box::pin(async move {
                match produced.response().await {
                    Some(response) => written_or_none(&head, response.into()),
                    None => Out::default(),
                }
            }))
        }
        request => {
            let (front, address) = (session.front.clone(), session.address.clone());
            let client_host = session.client.to_string();
            Due::Later(Box::pin(async move {
                let response = answer(&front, &address, client_host, &head, request).await;
                written_or_none(&head, response)
            }))
        }
    })
}

fn written(head: &RequestHead, response: Response) -> io::Result<Out> {
    let mut out = Out::default();
    let result = write_response(&mut out, head.api, head.version, head.correlation_id, &response);
    result.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    Ok(out)
}

/// A response that is too long to be told leaves its client without one: it will ask for less, or again.
fn written_or_none(head: &RequestHead, response: Response) -> Out {
    written(head, response).unwrap_or_else(|error| {
        tracing::error!(api = head.api.name(), %error, "a response could not be written");
        Out::default()
    })
}

async fn answer(
    front: &Arc<KafkaFront>,
    address: &Address,
    client_host: String,
    head: &RequestHead,
    request: Request,
) -> Response {
    let version = head.version;
    match request {
        Request::ApiVersions(_) => ApiVersionsResponse::new(ErrorCode::None).into(),
        Request::Metadata(request) => metadata::answer(front, request, version, address).await.into(),
        Request::DescribeCluster(request) => metadata::describe_cluster(front, &request, address).into(),
        Request::FindCoordinator(request) => metadata::find_coordinator(request, version, address).into(),
        Request::Fetch(request) => fetch::answer(front, request, version).await.into(),
        Request::ListOffsets(request) => offsets::list(front, request).await.into(),
        Request::OffsetForLeaderEpoch(request) => offsets::leader_epochs(front, request).await.into(),
        Request::InitProducerId(request) => init_producer_id(front, request).await.into(),
        Request::JoinGroup(request) => {
            let client = (head.client_id.as_deref().unwrap_or_default(), client_host);
            groups::join(front, request, version, client).await.into()
        }
        Request::SyncGroup(request) => groups::sync(front, request).await.into(),
        Request::Heartbeat(request) => groups::heartbeat(front, request).await.into(),
        Request::LeaveGroup(request) => groups::leave(front, request, version).await.into(),
        Request::ListGroups(request) => groups::list(front, &request).into(),
        Request::DescribeGroups(request) => groups::describe(front, request).into(),
        Request::DeleteGroups(request) => groups::delete(front, request).await.into(),
        Request::OffsetCommit(request) => commits::commit(front, request).await.into(),
        Request::OffsetFetch(request) => commits::fetch(front, request, version).await.into(),
        Request::OffsetDelete(request) => commits::delete(front, request).await.into(),
        Request::CreateTopics(request) => admin::create(front, request).await.into(),
        Request::DeleteTopics(request) => admin::delete(front, request, version).await.into(),
        Request::CreatePartitions(request) => admin::create_partitions(front, request).await.into(),
        Request::DeleteRecords(request) => admin::delete_records(front, request).await.into(),
        Request::DescribeConfigs(request) => configs::describe(front, &request).into(),
        Request::AlterConfigs(request) => configs::alter(front, request).await.into(),
        Request::IncrementalAlterConfigs(request) => {
            configs::alter_incrementally(front, request).await.into()
        }
        Request::DescribeLogDirs(request) => configs::log_dirs(front, request).await.into(),
        Request::DescribeAcls(_) => DescribeAclsResponse {
            error: ErrorCode::SecurityDisabled,
            error_message: Some("there are no access control lists".to_string()),
            ..DescribeAclsResponse::default()
        }
        .into(),
        Request::Produce(_) | Request::SaslHandshake(_) | Request::SaslAuthenticate(_) => {
            unreachable!("they were begun before")
        }
    }
}

async fn init_producer_id(front: &KafkaFront, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let failed = |error| InitProducerIdResponse { error, producer_epoch: -1, ..Default::default() };
    if request.transactional_id.is_some() {
        return failed(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    match front.producer_id().await {
        Ok(producer_id) => InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() },
        Err(_) => failed(ErrorCode::CoordinatorNotAvailable),
    }
}
