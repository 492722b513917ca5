//! What a snapshot holds: everything, the server's private keys and the shares among it, in clear.

use std::collections::BTreeMap;

use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wardkey::{
    encoding::{base64url, from_base64url},
    error::{Code, Error, Result},
    identity::UserId,
    random::Random,
    secret::SecretBytes,
};
use wardkey_rules::{MemoryStore, Server};

use crate::{KeyServer, application::Application};

const MALFORMED: Error = Error::new(&(Code::InvalidFormat, "not a snapshot"));

/// Bytes are base64url.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State<'a> {
    server: Option<String>,
    #[serde(borrow)]
    store: &'a RawValue,
    shares: BTreeMap<String, String>,
    recoveries: Vec<String>,
}

impl<R: TryCryptoRng> KeyServer<R> {
    /// Everything, as JSON: the same state gives the same text.
    ///
    /// # Errors
    /// `server`; none in fact.
    pub fn state(&self) -> Result<String> {
        let unwritable = Error::new(&(Code::Server, "the state can't be written"));
        let store = String::from_utf8(self.store.snapshot()?).ok().and_then(|text| RawValue::from_string(text).ok());
        let Application { shares, recoveries } = &self.application;
        let state = State {
            server: self.server.as_ref().map(|server| base64url(server.to_secret_bytes().expose())),
            store: &store.ok_or(unwritable)?,
            shares: shares.iter().map(|(user, share)| (user.clone(), base64url(share.expose()))).collect(),
            recoveries: recoveries.iter().map(|id| base64url(id)).collect(),
        };
        serde_json::to_string(&state).map_err(|_| unwritable)
    }

    /// The key server of a state.
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`.
    pub fn restore(rng: Random<R>, state: &str) -> Result<Self> {
        let State { server, store, shares, recoveries } = serde_json::from_str(state).map_err(|_| MALFORMED)?;
        let store = MemoryStore::restore(store.get().as_bytes())?;
        let secrets = server.map(|secrets| from_base64url(&secrets)).transpose()?;
        let server = secrets.map(|secrets| Server::from_secret_bytes(&SecretBytes::new(secrets))).transpose()?;
        // Accounts are one key server's.
        if server.is_none() && store != MemoryStore::default() {
            return Err(MALFORMED);
        }
        let mut application = Application::default();
        for (user, share) in &shares {
            application.put(&UserId::new(user).map_err(|_| MALFORMED)?, share).map_err(|_| MALFORMED)?;
        }
        for id in &recoveries {
            application.recoveries.insert(from_base64url(id)?.try_into().map_err(|_| MALFORMED)?);
        }
        Ok(Self { rng, server, store, application })
    }
}
