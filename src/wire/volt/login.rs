//! The first exchange on a connection: who calls, and which node answers.

use sha2::{Digest as _, Sha256};
use tollgate_schema::codec::{Cursor, value};

use super::frame;

/// The service that ordinary clients ask for.
const SERVICE_DATABASE: &str = "database";
/// What the Java client asks for when it means to speak Kerberos.
const SERVICE_KERBEROS: &str = "kerberos";

/// The hash of a password, over its UTF-8. Always sent, of the empty password if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordHash<'a> {
    /// The only one that older clients and the Node client send.
    Sha1(&'a [u8; 20]),
    Sha256(&'a [u8; 32]),
}

/// The first frame of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginRequest<'a> {
    pub user: &'a str,
    pub password: PasswordHash<'a>,
}

/// Why a login is refused: the code of the reply, after which the server closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(i8)]
pub enum LoginFailure {
    #[error("authentication failed")]
    Authentication = -1,
    #[error("too many connections")]
    TooManyConnections = 1,
    #[error("login timed out")]
    TimedOut = 2,
    #[error("malformed login message")]
    Malformed = 3,
    #[error("the node is joining its cluster and takes no clients yet")]
    Joining = 4,
    #[error("the service asked for is not available")]
    ServiceUnavailable = 5,
    #[error("this port requires TLS")]
    TlsRequired = 6,
    #[error("a client certificate is required")]
    CertificateRequired = 7,
    #[error("the client certificate was revoked")]
    CertificateRevoked = 8,
}

impl<'a> LoginRequest<'a> {
    /// `body`: the frame without its length. The error is what to answer.
    pub fn read(body: &'a [u8]) -> Result<LoginRequest<'a>, LoginFailure> {
        let mut cursor = Cursor::new(body);
        let malformed = |_| LoginFailure::Malformed;
        let scheme = match cursor.u8("version").map_err(malformed)? {
            0 => 0,
            // 1, and 2 from Java 13 on, say the same. So may later ones: if not, the hash has not its length.
            _ => cursor.u8("scheme").map_err(malformed)?,
        };
        let service = cursor.str("service").map_err(malformed)?;
        let user = cursor.nullable_str("user").map_err(malformed)?.unwrap_or("");
        if service != SERVICE_DATABASE && service != SERVICE_KERBEROS {
            return Err(LoginFailure::ServiceUnavailable);
        }
        // Scheme 2 is Kerberos, which nobody here can check.
        let password = match scheme {
            0 => cursor.rest().try_into().map(PasswordHash::Sha1),
            1 => cursor.rest().try_into().map(PasswordHash::Sha256),
            _ => return Err(LoginFailure::Authentication),
        };
        let password = password.map_err(|_| LoginFailure::Authentication)?;
        Ok(LoginRequest { user, password })
    }

    /// Appends the frame a client of ours sends: version 1, SHA-256.
    pub fn write(out: &mut Vec<u8>, user: &str, password: &str) {
        let start = frame::begin(out);
        out.extend_from_slice(&[1, 1]);
        value::put_bytes(out, SERVICE_DATABASE.as_bytes());
        value::put_bytes(out, user.as_bytes());
        out.extend_from_slice(&Sha256::digest(password.as_bytes()));
        frame::end(out, start);
    }
}

/// The answer to a login that is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginReply<'a> {
    /// The node that answers: the same number as in topology and overview.
    pub host_id: i32,
    /// Unique on that node.
    pub connection_id: i64,
    /// Equal on all nodes, and with [`LoginReply::leader_address`] the identity of the cluster.
    pub cluster_start_ms: i64,
    /// IPv4 address of the coordinator, equal on all nodes.
    pub leader_address: [u8; 4],
    pub build: &'a str,
}

impl<'a> LoginReply<'a> {
    /// Appends the whole frame. It must reach the socket in one write: the Node and Go clients fail on a
    /// split one.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = frame::begin(out);
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.host_id.to_be_bytes());
        out.extend_from_slice(&self.connection_id.to_be_bytes());
        out.extend_from_slice(&self.cluster_start_ms.to_be_bytes());
        out.extend_from_slice(&self.leader_address);
        value::put_bytes(out, self.build.as_bytes());
        frame::end(out, start);
    }

    /// `body`: the frame without its length, as a client of ours receives it.
    pub fn read(body: &'a [u8]) -> Result<LoginReply<'a>, LoginFailure> {
        let mut cursor = Cursor::new(body);
        let malformed = |_| LoginFailure::Malformed;
        cursor.u8("version").map_err(malformed)?;
        match cursor.i8("result code").map_err(malformed)? {
            0 => {}
            code => return Err(LoginFailure::from_code(code).unwrap_or(LoginFailure::Malformed)),
        }
        let reply = (|| {
            Ok(LoginReply {
                host_id: cursor.i32("host id")?,
                connection_id: cursor.i64("connection id")?,
                cluster_start_ms: cursor.i64("cluster start")?,
                leader_address: cursor.i32("leader address")?.to_be_bytes(),
                build: cursor.nullable_str("build")?.unwrap_or(""),
            })
        })();
        reply.map_err(|_: tollgate_schema::codec::CodecError| LoginFailure::Malformed)
    }
}

impl LoginFailure {
    pub const fn code(self) -> i8 {
        self as i8
    }

    pub fn from_code(code: i8) -> Option<LoginFailure> {
        use LoginFailure::*;
        [
            Authentication,
            TooManyConnections,
            TimedOut,
            Malformed,
            Joining,
            ServiceUnavailable,
            TlsRequired,
            CertificateRequired,
            CertificateRevoked,
        ]
        .into_iter()
        .find(|f| f.code() == code)
    }

    /// Appends the whole frame of the refusal.
    pub fn write(self, out: &mut Vec<u8>) {
        let start = frame::begin(out);
        out.extend_from_slice(&[0, self.code() as u8]);
        frame::end(out, start);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    const NO_PASSWORD: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    const SECRET_SHA1: &str = "e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4";

    #[test]
    fn published_requests() {
        let body = hex(&format!("01 01 00000008 6461746162617365 00000000 {NO_PASSWORD}"));
        let hash: [u8; 32] = hex(NO_PASSWORD).try_into().unwrap();
        let expected = LoginRequest { user: "", password: PasswordHash::Sha256(&hash) };
        assert_eq!(LoginRequest::read(&body), Ok(expected));

        let of_java_13 = hex(&format!("02 01 00000008 6461746162617365 00000000 {NO_PASSWORD}"));
        assert_eq!(LoginRequest::read(&of_java_13), Ok(expected));

        let body = hex(&format!("00 00000008 6461746162617365 00000003 626f62 {SECRET_SHA1}"));
        let hash: [u8; 20] = hex(SECRET_SHA1).try_into().unwrap();
        let expected = LoginRequest { user: "bob", password: PasswordHash::Sha1(&hash) };
        assert_eq!(LoginRequest::read(&body), Ok(expected));
    }

    #[test]
    fn our_request_is_the_published_one() {
        let check = |user, password, expected: String| {
            let mut out = Vec::new();
            LoginRequest::write(&mut out, user, password);
            assert_eq!(out, hex(&expected));
        };
        check("", "", format!("00000032 01 01 00000008 6461746162617365 00000000 {NO_PASSWORD}"));
        check("bob", "secret", format!("00000035 01 01 00000008 6461746162617365 00000003 626f62 {SECRET}"));
    }

    #[test]
    fn refusals_say_why() {
        let check = |body: &str, failure| assert_eq!(LoginRequest::read(&hex(body)), Err(failure), "{body}");
        check("", LoginFailure::Malformed);
        check("05", LoginFailure::Malformed);
        check("01 01 00000008 64617461", LoginFailure::Malformed);
        check("01 01 ffffffff 00000000", LoginFailure::Malformed);
        check("01 01 00000008 6461746162617365 00000000 00", LoginFailure::Authentication);
        check("01 02 00000008 6461746162617365 00000000", LoginFailure::Authentication);
        check("01 01 00000006 6578706f7274 00000000", LoginFailure::ServiceUnavailable);
    }

    #[test]
    fn the_published_reply() {
        let reply = LoginReply {
            host_id: 0,
            connection_id: 1,
            cluster_start_ms: 0x0000_014e_7308_dcdf,
            leader_address: [127, 0, 0, 1],
            build: "5.4_voltdb-5.4EA1-171-g17dad36-dirty-local",
        };
        let mut out = Vec::new();
        reply.write(&mut out);
        let mut body = hex("00 00 00000000 0000000000000001 0000014e7308dcdf 7f000001 0000002a");
        body.extend_from_slice(reply.build.as_bytes());
        assert_eq!(out[4..], body);
        assert_eq!(LoginReply::read(&out[4..]), Ok(reply));
    }

    #[test]
    fn a_refusal_is_two_bytes_in_a_frame() {
        let mut out = Vec::new();
        LoginFailure::Authentication.write(&mut out);
        assert_eq!(out, [0, 0, 0, 2, 0, 0xff]);
        for code in i8::MIN..=i8::MAX {
            if let Some(failure) = LoginFailure::from_code(code) {
                assert_eq!(failure.code(), code);
                assert_eq!(LoginReply::read(&[0, code as u8]), Err(failure));
            }
        }
    }

    #[test]
    fn no_bytes_can_make_it_panic() {
        let mut request = Vec::new();
        LoginRequest::write(&mut request, "bob", "secret");
        mutate(&[request[4..].to_vec()], |bytes| LoginRequest::read(bytes).is_ok());
        let mut reply = Vec::new();
        let address = [10, 0, 0, 1];
        LoginReply { host_id: 1, connection_id: 2, cluster_start_ms: 3, leader_address: address, build: "b" }
            .write(&mut reply);
        mutate(&[reply[4..].to_vec()], |bytes| LoginReply::read(bytes).is_ok());
    }
}
