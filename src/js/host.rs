//! The world of a client in JavaScript: `npm/host.ts`.

use core::cell::RefCell;
use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{
    backend::JsBackend,
    cache::JsClock,
    convert::{number, whole},
    device::JsDevice,
    key_store::{CoreStore, JsStore},
    random::shared_random,
    task::ask,
};
use crate::{
    cache::{Clock, Now},
    client::Host,
    error::{Code, Error, Result},
    key_pair::{KeyPair, Suite},
    password::{Derivation, Password, SlowKey},
    random::SystemRandom,
    secret::{Secret, SecretBytes},
};

#[wasm_bindgen]
extern "C" {
    /// `CoreHost` in `npm/host.ts`.
    #[derive(Clone, Debug)]
    pub type CoreHost;

    /// Does the application keep shares?
    #[wasm_bindgen(method, js_name = hasAppShare)]
    pub(super) fn has_app_share(this: &CoreHost) -> bool;

    /// The store of a cache; undefined: memory alone.
    #[wasm_bindgen(method, js_name = openStore)]
    fn open_store(this: &CoreHost, tag: &str) -> Option<CoreStore>;

    /// Has this task been long enough?
    #[wasm_bindgen(method, js_name = isLong)]
    fn is_long(this: &CoreHost) -> bool;

    /// The call with this ticket has ended.
    #[wasm_bindgen(method)]
    fn settle(this: &CoreHost, ticket: f64);

    /// The number of a message.
    #[wasm_bindgen(method)]
    fn say(this: &CoreHost, code: &str, message: &str) -> f64;
}

/// The world of one client.
#[derive(Debug)]
pub(super) struct JsHost {
    host: CoreHost,
    backend: JsBackend,
    device: JsDevice,
    random: Rc<RefCell<SystemRandom>>,
}

impl JsHost {
    pub(super) fn new(host: CoreHost) -> Self {
        let (backend, device) = (JsBackend(host.clone()), JsDevice(host.clone()));
        Self { host, backend, device, random: shared_random() }
    }
}

impl Host for JsHost {
    type Backend = JsBackend;
    type Device = JsDevice;
    type Store = JsStore;
    type Rng = getrandom::SysRng;

    fn backend(&self) -> &JsBackend {
        &self.backend
    }
    fn device(&self) -> &JsDevice {
        &self.device
    }
    fn random(&self) -> &RefCell<SystemRandom> {
        &self.random
    }
    fn now(&self) -> Now {
        JsClock.now()
    }

    fn open_store(&self, tag: &str) -> Option<JsStore> {
        self.host.open_store(tag).map(|store| JsStore::new(store, tag))
    }
    async fn settled(&self, ticket: u64) {
        // What it is rejected with is no reason to wait on.
        ask(&self.host, "settled", &[number(ticket)]).await.ok();
    }
    fn settle(&self, ticket: u64) {
        self.host.settle(number(ticket).as_f64().unwrap_or_default());
    }

    fn say(&self, code: Code, message: &str) -> Option<u64> {
        whole(self.host.say(code.as_str(), message)).ok()
    }

    async fn breathe(&self) {
        if self.host.is_long() {
            // Nothing is rejected there.
            ask(&self.host, "breathe", &[]).await.ok();
        }
    }

    async fn derive(&self, derivation: &Derivation, password: &Password) -> Result<SlowKey> {
        let iterations = derivation.pbkdf2_iterations().map_or(JsValue::UNDEFINED, JsValue::from);
        let arguments = [bytes(&derivation.to_bytes()), bytes(derivation.salt()), iterations, bytes(password.expose())];
        let derived = taken(&ask(&self.host, "derive", &arguments).await.map_err(|error| known(&error))?);
        let derived = derived.as_deref().and_then(Secret::from_slice).ok_or(FAILED)?;
        Ok(SlowKey::new(&derived))
    }

    async fn generate(&self, suite: Suite) -> Result<KeyPair> {
        if suite == Suite::Hybrid {
            return KeyPair::generate(&mut self.random.borrow_mut(), suite);
        }
        let made = ask(&self.host, "generateRsa", &[suite.name().into()]).await.map_err(|error| known(&error))?;
        KeyPair::from_pkcs8(&taken(&made).ok_or(FAILED)?)
    }

    async fn unwrap_rsa(&self, pair: &KeyPair, label: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
        let fingerprint = pair.public_key().fingerprint().to_string();
        let private = bytes(pair.private_bytes()?.expose());
        let arguments = [fingerprint.into(), private.clone(), bytes(label), bytes(body)];
        let opened = ask(&self.host, "unwrapRsa", &arguments).await;
        taken(&private);
        let opened = taken(&opened.map_err(|error| known(&error))?);
        opened.map(SecretBytes::new).ok_or(FAILED)
    }
}

const FAILED: Error = Error::new(&(Code::UnsupportedEnvironment, "the environment failed"));

/// What a step that ran elsewhere failed with.
pub(super) fn known(error: &JsValue) -> Error {
    let code = super::convert::get(error, "code").as_string().unwrap_or_default();
    let code = Code::ALL.iter().find(|known| known.as_str() == code);
    code.map_or(FAILED, |code| code.failed())
}

pub(super) fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// Bytes of JavaScript, which are wiped there.
pub(super) fn taken(value: &JsValue) -> Option<Vec<u8>> {
    let array: &Uint8Array = value.dyn_ref()?;
    let taken = array.to_vec();
    array.fill(0, 0, array.length());
    Some(taken)
}
