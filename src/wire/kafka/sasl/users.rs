//! The users a node knows, and what it keeps of their passwords: never the passwords themselves. What is
//! derived depends on nothing but the node's secret, the name and the password, so that it is the same after
//! each start. Never knows messages or files.

use super::{
    NAME_BYTES_MAX, PASSWORD_BYTES_MAX,
    error::UsersError,
    keys::{Hash, ServerKeys},
};
use std::{collections::BTreeMap, fmt};
use subtle::{Choice, ConstantTimeEq};

/// RFC 7677's minimum, which clients of Kafka also check.
pub(super) const ITERATIONS: u32 = 4096;
const SALT_BYTES: usize = 16;

/// All users, by name.
pub struct Users {
    /// Of the node; what is derived of it differs by a label.
    secret: Vec<u8>,
    by_name: BTreeMap<String, Kept>,
}

struct Kept {
    /// HMAC of the password under the node's secret. SCRAM's slow derivation would let clients that are not
    /// authenticated yet keep the net thread busy.
    plain: Vec<u8>,
    sha256: Credentials,
    sha512: Credentials,
}

/// What SCRAM works with for a name, be there a user of that name or not.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
    pub(super) keys: ServerKeys,
    pub(super) known: Choice,
}

impl fmt::Debug for Users {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Users").field("names", &self.by_name.keys()).finish_non_exhaustive()
    }
}

impl Users {
    /// The secret is the node's own and stays the same from start to start; it should be at least 16 random
    /// bytes. Deriving takes some milliseconds a user.
    pub fn new<'a>(
        secret: &[u8],
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Users, UsersError> {
        let mut users = Users { secret: secret.to_vec(), by_name: BTreeMap::new() };
        for (name, password) in pairs {
            let salts = [Hash::Sha256, Hash::Sha512].map(|hash| users.derived_salt(hash, name));
            users.insert(name, password, salts, ITERATIONS)?;
        }
        Ok(users)
    }

    /// Adds a user whose salt and iterations are given. Iterations that differ from 4096 tell a client that
    /// there is such a user.
    pub fn add_with_salt(
        &mut self,
        name: &str,
        password: &str,
        salt: &[u8],
        iterations: u32,
    ) -> Result<(), UsersError> {
        self.insert(name, password, [salt.to_vec(), salt.to_vec()], iterations)
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    fn insert(
        &mut self,
        name: &str,
        password: &str,
        salts: [Vec<u8>; 2],
        iterations: u32,
    ) -> Result<(), UsersError> {
        check(name, password)?;
        if self.by_name.contains_key(name) {
            return Err(UsersError::TwiceNamed { name: name.to_owned() });
        }
        if iterations == 0 {
            return Err(UsersError::NoIterations { name: name.to_owned() });
        }
        if salts.iter().any(Vec::is_empty) {
            return Err(UsersError::EmptySalt { name: name.to_owned() });
        }
        let [salt_256, salt_512] = salts;
        let kept = |hash: Hash, salt: Vec<u8>| Credentials {
            keys: hash.server_keys(password.as_bytes(), &salt, iterations),
            salt,
            iterations,
            known: Choice::from(1),
        };
        let kept = Kept {
            plain: self.plain_hash(name, password),
            sha256: kept(Hash::Sha256, salt_256),
            sha512: kept(Hash::Sha512, salt_512),
        };
        self.by_name.insert(name.to_owned(), kept);
        Ok(())
    }

    /// Whether this is that user's password. An unknown user takes the same path.
    pub(super) fn has_password(&self, name: &str, password: &str) -> Choice {
        let given = self.plain_hash(name, password);
        let nobody = self.derive(Hash::Sha256, "nobody's password", name);
        let (kept, known) = match self.by_name.get(name) {
            Some(kept) => (&kept.plain, Choice::from(1)),
            None => (&nobody, Choice::from(0)),
        };
        given.ct_eq(kept) & known
    }

    /// A name that nobody has gets a salt that is as stable as a user's, and keys that no password has.
    pub(super) fn credentials(&self, hash: Hash, name: &str) -> Credentials {
        // Derived for users too, so that both take the same time.
        let nobody = Credentials {
            salt: self.derived_salt(hash, name),
            iterations: ITERATIONS,
            keys: ServerKeys {
                stored_key: self.derive(hash, "nobody's stored key", name),
                server_key: self.derive(hash, "nobody's server key", name),
            },
            known: Choice::from(0),
        };
        let kept = self.by_name.get(name).map(|kept| match hash {
            Hash::Sha256 => &kept.sha256,
            Hash::Sha512 => &kept.sha512,
        });
        kept.unwrap_or(&nobody).clone()
    }

    fn plain_hash(&self, name: &str, password: &str) -> Vec<u8> {
        let key = self.derive(Hash::Sha256, "plain", name);
        Hash::Sha256.hmac(&key, &[password.as_bytes()])
    }

    fn derived_salt(&self, hash: Hash, name: &str) -> Vec<u8> {
        let mut salt = self.derive(hash, "salt", name);
        salt.truncate(SALT_BYTES);
        salt
    }

    /// A label has no NUL in it, so that no two labels and names give the same bytes.
    fn derive(&self, hash: Hash, label: &str, name: &str) -> Vec<u8> {
        let parts = [hash.name().as_bytes(), b"\0", label.as_bytes(), b"\0", name.as_bytes()];
        hash.hmac(&self.secret, &parts)
    }
}

fn check(name: &str, password: &str) -> Result<(), UsersError> {
    if name.is_empty() {
        return Err(UsersError::EmptyName);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(UsersError::LongName { length: name.len(), bytes_max: NAME_BYTES_MAX });
    }
    let owned = || name.to_owned();
    if name.contains('\0') {
        return Err(UsersError::NulInName { name: owned() });
    }
    if password.is_empty() {
        return Err(UsersError::EmptyPassword { name: owned() });
    }
    if password.len() > PASSWORD_BYTES_MAX {
        let length = password.len();
        return Err(UsersError::LongPassword { name: owned(), length, bytes_max: PASSWORD_BYTES_MAX });
    }
    if password.contains('\0') {
        return Err(UsersError::NulInPassword { name: owned() });
    }
    Ok(())
}
