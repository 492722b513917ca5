//! `Backend` in JavaScript, behind `npm/host.ts`, which answers in plain JSON or rejects with an error that has a code.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::{
    convert::{get, whole},
    host::CoreHost,
    task::ask,
};
use crate::{
    backend::{Backend, Failure, Json, Outcome, Request},
    client::LoginStore,
    error::{Code, Error},
    identity::UserId,
};

/// What the application's `Backend` is to the core.
#[derive(Debug)]
pub(super) struct JsBackend(pub(super) CoreHost);

/// JSON as JavaScript has it.
#[derive(Debug)]
pub(super) struct JsJson(pub(super) JsValue);

impl Json for JsJson {
    fn null() -> Self {
        Self(JsValue::NULL)
    }
    fn text(text: &str) -> Self {
        Self(text.into())
    }
    #[allow(clippy::cast_precision_loss, reason = "numbers of the API are below 2^53")]
    fn number(number: u64) -> Self {
        Self(JsValue::from_f64(number as f64))
    }
    fn list(items: Vec<Self>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect::<Array>().into())
    }
    fn object(members: Vec<(&'static str, Self)>) -> Self {
        let object = Object::new();
        for (name, value) in members {
            // Cannot fail on an object that was just made.
            Reflect::set(&object, &name.into(), &value.0).ok();
        }
        Self(object.into())
    }

    fn member(&self, name: &str) -> Option<Self> {
        let value = get(&self.0, name);
        (!value.is_undefined()).then_some(Self(value))
    }
    fn items(&self) -> Option<Vec<Self>> {
        Some(self.0.dyn_ref::<Array>()?.iter().map(Self).collect())
    }
    fn is_null(&self) -> bool {
        self.0.is_null()
    }
    fn to_text(&self) -> Option<String> {
        self.0.as_string()
    }
    fn to_number(&self) -> Option<u64> {
        whole(self.0.as_f64()?).ok()
    }
    fn to_bool(&self) -> Option<bool> {
        self.0.as_bool()
    }
}

impl Backend for JsBackend {
    type Json = JsJson;

    async fn request(&self, request: Request<'_, JsJson>) -> Outcome<JsJson> {
        let Request { method, path, body, caller } = request;
        let body = body.map_or(JsValue::UNDEFINED, |body| body.0);
        let caller = caller.map_or(JsValue::UNDEFINED, |caller| caller.as_str().into());
        let arguments = [method.name().into(), path.into(), body, caller];
        ask(&self.0, "request", &arguments).await.map(JsJson).map_err(|error| failure(&error))
    }

    fn has_app_share(&self) -> bool {
        self.0.has_app_share()
    }
    async fn put_share(&self, user: &UserId, share: &str) -> Outcome<()> {
        let done = ask(&self.0, "putShare", &[user.as_str().into(), share.into()]).await;
        done.map(drop).map_err(|error| failure(&error))
    }
    async fn take_share(&self, user: &UserId, receipt: &str) -> Outcome<String> {
        const NO_SHARE: Error = Error::new(&(Code::Server, "the application's share is no text"));
        let share = ask(&self.0, "takeShare", &[user.as_str().into(), receipt.into()]).await;
        share.map_err(|error| failure(&error))?.as_string().ok_or_else(|| NO_SHARE.into())
    }
}

/// `storeLoginSecret`: a function, or undefined.
#[derive(Debug)]
pub(super) struct JsLoginStore {
    pub(super) host: CoreHost,
    pub(super) function: JsValue,
}

impl LoginStore for JsLoginStore {
    async fn store(&self, secret: &str) -> Outcome<()> {
        if self.function.is_undefined() {
            return Ok(());
        }
        let done = ask(&self.host, "storeLogin", &[self.function.clone(), secret.into()]).await;
        done.map(drop).map_err(|error| failure(&error))
    }
}

/// Members of errors: `npm/errors.ts`.
const RETRY: &str = "retryAfterMs";
const ATTEMPTS: &str = "attemptsLeft";
const SAID: &str = "said";

/// What JavaScript rejected with. `network` is for a request that nobody answered.
fn failure(error: &JsValue) -> Failure {
    let code = get(error, "code").as_string().unwrap_or_default();
    let number = |name| get(error, name).as_f64().and_then(|number| whole(number).ok());
    let failure = match code == Code::Network.as_str() {
        true => Failure::unanswered(),
        false => Failure::answered(&code, number(RETRY), number(ATTEMPTS)),
    };
    Failure { said: number(SAID), ..failure }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        let value = Self::from(failure.error);
        let Failure { retry_after, attempts_left, said, .. } = failure;
        for (name, number) in [(RETRY, retry_after), (ATTEMPTS, attempts_left), (SAID, said)] {
            if let Some(number) = number {
                // Cannot fail on an object that was just made.
                Reflect::set(&value, &name.into(), &JsJson::number(number).0).ok();
            }
        }
        value
    }
}
