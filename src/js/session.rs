//! `Session`: who may do what. What it encrypts and decrypts stands in `session_data`.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{
    convert::whole,
    error::JsResult,
    host::JsHost,
    scrub_stack,
    task::{CoreTask, nothing},
};
use crate::{
    client::{Client, OpenSession, Recipient},
    error::{Code, Error, Result},
    group::NO_GROUP,
    identity::UserId,
    party::{Email, Party},
    session::{Holding, Rights},
    signed::Hash,
};

/// A session whose keys are here.
#[wasm_bindgen(js_name = CoreSession)]
#[derive(Debug)]
pub struct CoreSession {
    pub(super) client: Rc<Client<JsHost>>,
    pub(super) open: Rc<OpenSession>,
}

impl CoreSession {
    pub(super) const fn new(client: Rc<Client<JsHost>>, open: Rc<OpenSession>) -> Self {
        Self { client, open }
    }

    pub(super) fn task(
        &self,
        work: impl AsyncFnOnce(&Client<JsHost>, &OpenSession) -> JsResult<JsValue> + 'static,
    ) -> CoreTask {
        let (client, open) = (Rc::clone(&self.client), Rc::clone(&self.open));
        CoreTask::new(async move {
            let result = work(&client, &open).await;
            scrub_stack();
            result
        })
    }
}

#[wasm_bindgen(js_class = CoreSession)]
impl CoreSession {
    /// Its id.
    pub fn id(&self) -> String {
        self.open.id().to_string()
    }

    /// Has the key server got it?
    #[wasm_bindgen(js_name = isPublished)]
    pub fn is_published(&self) -> bool {
        self.open.is_published()
    }

    /// Fetches what came after what is known.
    pub fn update(&self) -> CoreTask {
        self.task(async |client, open| nothing(client.update(open).await))
    }

    /// Is a new generation to be made before anything is written?
    #[wasm_bindgen(js_name = isDue)]
    pub fn is_due(&self) -> JsResult<bool> {
        Ok(self.client.is_due(&self.open)?)
    }

    /// Who has rights, as far as is known: `[kind, name, contact, rights, added by, added at, is unconfirmed]` each.
    pub fn recipients(&self) -> JsResult<Array> {
        let unconfirmed = self.client.unconfirmed(&self.open)?;
        Ok(self.open.with(|session| session.log().holdings().map(|held| row(&held, &unconfirmed)).collect()))
    }

    /// Gives rights, to `[kind, name, contact, rights]` each.
    #[wasm_bindgen(js_name = addRecipients)]
    pub fn add_recipients(&self, recipients: Array) -> JsResult<CoreTask> {
        let grants = grants(&recipients)?;
        Ok(self.task(async move |client, open| nothing(client.add_recipients(open, &grants).await)))
    }

    /// Takes all rights from `[kind, name, contact]` each.
    #[wasm_bindgen(js_name = revokeRecipients)]
    pub fn revoke_recipients(&self, recipients: Array) -> JsResult<CoreTask> {
        let recipients = recipients.iter().map(|item| recipient(&item)).collect::<Result<Vec<_>>>()?;
        Ok(self.task(async move |client, open| nothing(client.revoke_recipients(open, &recipients).await)))
    }

    /// Takes all rights from everybody.
    #[wasm_bindgen(js_name = revokeAll)]
    pub fn revoke_all(&self) -> CoreTask {
        self.task(async |client, open| nothing(client.revoke_all(open).await))
    }

    /// A new generation.
    pub fn rotate(&self) -> CoreTask {
        self.task(async |client, open| nothing(client.rotate(open).await))
    }

    /// As text, for this identity.
    pub fn serialize(&self) -> CoreTask {
        self.task(async |client, open| Ok(client.serialize_session(open).await?.into()))
    }

    /// Gives it up, and wipes what calls left on the stack.
    pub fn destroy(self) {
        drop(self);
        scrub_stack();
    }
}

const USER: &str = "user";
const GROUP: &str = "group";
const PLACEHOLDER: &str = "placeholder";

/// `[kind, name, contact, …]`.
fn recipient(item: &JsValue) -> Result<Recipient> {
    const NO_RECIPIENT: Error = Error::new(&(Code::InvalidArgument, "not a recipient"));
    let item: &Array = item.dyn_ref().ok_or(NO_RECIPIENT)?;
    let name = item.get(1).as_string().ok_or(NO_RECIPIENT)?;
    match item.get(0).as_string().as_deref() {
        Some(USER) => Ok(Recipient::User(UserId::new(&name)?)),
        Some(GROUP) => Ok(Recipient::Group(Hash::parse(&name).ok_or(NO_GROUP)?)),
        Some(PLACEHOLDER) => {
            let contact = item.get(2).as_string().map(|contact| Email::new(&contact)).transpose()?;
            Ok(Recipient::Placeholder { name: UserId::new(&name)?, contact })
        }
        _ => Err(NO_RECIPIENT),
    }
}

/// `[kind, name, contact, rights]` each.
pub(super) fn grants(recipients: &Array) -> Result<Vec<(Recipient, Rights)>> {
    const NO_RIGHTS: Error = Error::new(&(Code::InvalidArgument, "a recipient has at least one right"));
    let grant = |item: JsValue| {
        let rights = item.dyn_ref::<Array>().and_then(|item| item.get(3).as_f64()).ok_or(NO_RIGHTS)?;
        Ok((recipient(&item)?, Rights::from_number(whole(rights)?).ok_or(NO_RIGHTS)?))
    };
    recipients.iter().map(grant).collect()
}

fn row(held: &Holding<'_>, unconfirmed: &[Party]) -> JsValue {
    let (kind, name, contact) = match held.party {
        Party::User { id, .. } => (USER, id.as_str().into(), None),
        Party::Placeholder { name, contact, .. } => (PLACEHOLDER, name.as_str().into(), contact.as_ref()),
        Party::Group(id) => (GROUP, JsValue::from(id.to_string()), None),
    };
    let contact = contact.map_or(JsValue::UNDEFINED, |contact| contact.as_str().into());
    let added_by = held.added_by.user.as_ref().map_or(JsValue::NULL, |user| user.as_str().into());
    #[allow(clippy::cast_precision_loss, reason = "rights and times are below 2^53")]
    let [rights, added_at] = [held.rights.number(), held.added_at].map(|number| JsValue::from_f64(number as f64));
    let is_unconfirmed = unconfirmed.contains(held.party).into();
    [kind.into(), name, contact, rights, added_by, added_at, is_unconfirmed].iter().collect::<Array>().into()
}
