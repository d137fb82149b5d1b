//! ApiVersions: which APIs and versions are served. The first question of every client.

use super::{
    api::{ApiKey, Versions},
    codes::ErrorCode,
    message::message,
};

message! {
    struct ApiVersionsRequest {
        client_software_name: String [3..];
        client_software_version: String [3..];
    }

    struct ApiVersionsResponse {
        error: ErrorCode;
        api_keys: Vec<ApiVersion>;
        throttle_time_ms: i32 [1..];
    }

    struct ApiVersion {
        api_key: i16;
        min_version: i16;
        max_version: i16;
    }
}

impl ApiVersionsResponse {
    /// With everything that is served.
    pub fn new(error: ErrorCode) -> ApiVersionsResponse {
        let api_keys = ApiKey::ALL.iter().map(|api| {
            let Versions { min, max } = api.advertised();
            ApiVersion { api_key: api.key(), min_version: min, max_version: max }
        });
        ApiVersionsResponse { error, api_keys: api_keys.collect(), throttle_time_ms: 0 }
    }
}
